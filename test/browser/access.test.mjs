import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { before, test } from 'node:test'
import { counted, launch, open, rows, serve } from './harness.mjs'

let server, keyed, browser, key

before(async () => {
  server = await serve()
  keyed = await serve()
  browser = await launch()
  for (const one of [server, keyed]) {
    await one.append('shop', Array.from({ length: 30 }, (_, i) => ({
      id: `e${i}`, event_type: i % 2 ? 'order.placed' : 'user.login', severity: i % 3 ? 'info' : 'error', stream_id: `s${i % 3}`, payload: { message: `number ${i}`, nested: { a: [1, 2, { b: null }] } },
      metadata: { tags: ['db:mysql', 'flag'], success: i !== 29 },
    })))
  }
  key = /firn_[0-9A-Za-z]{40}/.exec(await keyed.command('keys', 'create', 'viewer', '--permission', 'events:read', '--permission', 'events:append'))[0]
})

test('with keys, the page asks for one, keeps it nowhere, and goes on where it was', async () => {
  const page = await open(browser, keyed, '/?instance=shop&q=severity%3E%3Derror')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.getByLabel('API key').fill('firn_wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await page.getByLabel('API key').fill(key)
  await page.keyboard.press('Enter')
  await counted(page, 10)
  assert.equal(await page.evaluate((k) => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]).includes(k), key), false)
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script reads the cookie')
  assert.equal(await page.getByRole('button', { name: '+ save view' }).count(), 0, 'what the key may not do is not offered')
  await page.reload()
  await counted(page, 10)
  const answer = await page.goto(keyed.url + '/e/shop/e3')
  assert.equal(answer.status(), 200)
  await page.locator('h1', { hasText: 'order.placed' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

test('a permalink of who has not signed in asks for the key, then shows the event', async () => {
  const page = await open(browser, keyed, '/')
  const answer = await page.goto(keyed.url + '/e/shop/e4')
  assert.equal(answer.status(), 401)
  await page.getByLabel('API key').fill(key)
  await page.keyboard.press('Enter')
  await page.locator('h1', { hasText: 'user.login' }).waitFor()
})

for (const late of ['/v1/session', '/v1/instances', '/v1/query']) {
  test(`a refusal of ${late} that comes after the sign-in, but was asked before, changes nothing`, async () => {
    let release, answered
    const held = new Promise((go) => (release = go))
    const told = new Promise((go) => (answered = go))
    let first = true
    const page = await open(browser, keyed, '/?instance=shop&live=1', {
      before: (p) =>
        p.route((url) => url.pathname === late, async (route) => {
          if (!first) return route.continue()
          first = false
          const answer = await route.fetch()
          assert.equal(answer.status(), 401)
          await held
          // The page may have given the request up.
          await route.fulfill({ response: answer }).catch(() => {})
          answered()
        }),
    })
    await page.getByLabel('API key').fill(key)
    await page.keyboard.press('Enter')
    await page.locator('.connection.live').waitFor()
    release()
    await told
    await keyed.append('shop', { event_type: `after${late}` }, { Authorization: `Bearer ${key}` })
    await rows(page).filter({ hasText: `after${late}` }).waitFor()
  })
}

test('a key that is revoked while the page is open brings the sign-in back', async () => {
  const [id, secret] = await (async () => {
    const out = await keyed.command('keys', 'create', 'short', '--permission', 'events:read')
    const secret = /firn_[0-9A-Za-z]{40}/.exec(out)[0]
    const all = (await keyed.command('keys', 'list', '--output', 'ndjson')).trim().split('\n').map((line) => JSON.parse(line))
    return [all.find((k) => k.name === 'short').id, secret]
  })()
  const page = await open(browser, keyed, '/?instance=shop&live=1')
  await page.getByLabel('API key').fill(secret)
  await page.keyboard.press('Enter')
  await page.locator('.connection.live').waitFor()
  await keyed.command('keys', 'revoke', id)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

test('everything by keys alone', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 30)
  const press = (...keys) => keys.reduce((before, k) => before.then(() => page.keyboard.press(k)), Promise.resolve())
  await press('k', 'Enter')
  await page.waitForURL(/event=e29/)
  await page.locator('.side h1', { hasText: 'order.placed' }).waitFor()
  await press('k')
  await page.waitForURL(/event=e28/)
  await press('j')
  await page.waitForURL(/event=e29/)
  await page.locator('.side[aria-busy=false] h1').waitFor()
  await press('[')
  await page.waitForURL(/event=e26/)
  await press(']')
  await page.waitForURL(/event=e29/)
  await press('Escape')
  await page.locator('.side').waitFor({ state: 'detached' })
  await press('/')
  await page.keyboard.type('severity>=error')
  await press('Enter')
  await counted(page, 10)
  await press('Escape')
  assert.notEqual(await page.evaluate(() => document.activeElement?.id), 'query')
  await press('f')
  await page.locator('#facets').waitFor({ state: 'detached' })
  await press('f')
  await page.locator('#facets').waitFor()
  await press('p')
  await page.locator('.connection.live').waitFor()
  await press('c')
  await page.getByText('Waiting for events').waitFor()
  await server.append('shop', { event_type: 'new.one', severity: 'error' })
  await rows(page).filter({ hasText: 'new.one' }).waitFor()
  await press('p')
  await press('?')
  await page.getByRole('dialog').waitFor()
  await press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await press('n')
  assert.deepEqual(page.wrong, [])
})

test('the tab key reaches every control, and each shows that it has the focus', async () => {
  const page = await open(browser, server, '/?instance=shop&event=e3')
  await page.locator('.side h1').waitFor()
  const seen = new Set()
  for (let i = 0; i < 250; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const e = document.activeElement
      if (!e || e === document.body) return null
      const outlined = getComputedStyle(e).outlineStyle !== 'none' || getComputedStyle(e.closest('.query-box') ?? e).boxShadow !== 'none'
      return { name: `${e.tagName} ${e.getAttribute('aria-label') ?? e.id ?? ''} ${(e.textContent ?? '').slice(0, 20)}`, outlined }
    })
    if (at === null) break
    assert.ok(at.outlined, `${at.name} does not show its focus`)
    seen.add(at.name.split(' ')[0] === 'DIV' ? 'list' : at.name)
  }
  const all = [...seen].join('\n')
  for (const want of ['SELECT  shop', 'INPUT Filter', 'All time', 'Live', 'Export', 'list', 'facets', 'Close', 'permalink', 'Only events with severity']) {
    assert.ok(all.includes(want), `the tab key does not reach ${want}:\n${all}`)
  }
})

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing serious, ${colorScheme}`, async () => {
    for (const [path, ready] of [
      ['/?instance=shop&q=severity%3E%3Dinfo&event=e29', '.side h1'],
      ['/?instance=shop&live=1', '.connection.live'],
      ['/?instance=shop&q=nothing', '.empty'],
      ['/?instance=shop&q=payload.n%3E%3D', '.query-fault'],
      ['/e/shop/e29', '.detail h1'],
      ['/e/shop/none', '.empty'],
    ]) {
      const page = await open(browser, server, path, { colorScheme, bypassCSP: true })
      await page.locator(ready).waitFor()
      await page.evaluate(axe)
      const found = await page.evaluate(async () => {
        const { violations } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
        return violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join('\n  ')}`)
      })
      assert.deepEqual(found, [], path)
      await page.context().close()
    }
  })
}
