import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { counted, launch, open, patience, rows, serve } from './harness.mjs'

let server, browser

before(async () => {
  server = await serve()
  browser = await launch()
})

test('a permalink opens the event; of one that is not there the page says so, with 404', async () => {
  await server.append('shop', [{ id: 'odd/id ?#', event_type: 'order.placed', payload: { message: 'here' } }])
  const page = await open(browser, server, `/e/shop/${encodeURIComponent('odd/id ?#')}`)
  await page.locator('h1', { hasText: 'order.placed' }).waitFor()
  await page.getByText('here', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'show in stream' }).click()
  await page.locator('.side h1', { hasText: 'order.placed' }).waitFor()
  const answer = await page.goto(`${server.url}/e/shop/none`)
  assert.equal(answer.status(), 404)
  await page.getByText('There is no such event').waitFor()
  await page.goto(`${server.url}/e/none/x`)
  await page.getByText('There is no such event').waitFor()
  assert.deepEqual(page.wrong, [])
})

test('numbers are exact, keys in their order, in tree, raw and copy', async () => {
  const payload = '{"2":1,"1":9007199254740993,"huge":123456789012345678901234567890,"e":1e3,"z":0.1000,"neg":-0,"nul":"a\\u0000b"}'
  await server.append('shop', `{"id":"exact","event_type":"numbers","payload":${payload}}`)
  const page = await open(browser, server, '/e/shop/exact', { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.locator('h1', { hasText: 'numbers' }).waitFor()
  const tree = page.locator('section', { has: page.locator('h2', { hasText: 'Payload' }) })
  await tree.locator('.number').first().waitFor() // the renderers are fetched first
  assert.deepEqual(await tree.locator('.number').allTextContents(), ['1', '9007199254740993', '123456789012345678901234567890', '1e3', '0.1000', '-0'])
  assert.deepEqual(await tree.locator('.key').allTextContents(), ['2', '1', 'huge', 'e', 'z', 'neg', 'nul'])
  await page.getByRole('button', { name: 'Copy the value of payload["1"]' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('Copied the value').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '9007199254740993')
  await page.getByRole('button', { name: 'Copy the path payload["1"]' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('Copied the path').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'payload["1"]')
  await page.getByRole('button', { name: 'raw' }).click()
  await page.getByRole('button', { name: 'byte for byte' }).click()
  assert.ok((await page.locator('pre.raw').textContent()).includes(payload))
  await page.getByRole('button', { name: 'copy JSON' }).click()
  await page.getByText('Copied the event').waitFor()
  assert.ok((await page.evaluate(() => navigator.clipboard.readText())).includes(payload))
})

test('filtering by an exact number finds it and not its neighbour', async () => {
  await server.append('numbers', '[{"id":"a","event_type":"n","payload":{"n":9007199254740993}},{"id":"b","event_type":"n","payload":{"n":9007199254740992}}]')
  const page = await open(browser, server, '/?instance=numbers&event=a')
  await counted(page, 2)
  await page.getByRole('button', { name: 'Only events with payload.n 9007199254740993' }).focus()
  await page.keyboard.press('Enter')
  await counted(page, 1)
  assert.match(page.url(), /payload.n(=|%3D)9007199254740993/)
})

test('a payload of 1 MiB opens and is looked through without a freeze', async () => {
  const items = Array.from({ length: 12_000 }, (_, i) => ({ i, text: 'x'.repeat(40), ok: i % 2 === 0 }))
  await server.append('large', [{ id: 'large', event_type: 'large', payload: { items, text: 'y'.repeat(200_000) } }, { id: 'small', event_type: 'small' }])
  const page = await open(browser, server, '/?instance=large')
  await counted(page, 2)
  await page.evaluate(() => {
    window.longest = 0
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration)
    }).observe({ type: 'longtask' })
  })
  await rows(page).filter({ hasText: 'large' }).click()
  await page.locator('.side h1', { hasText: 'large' }).waitFor()
  await page.getByRole('button', { name: /^items/ }).click()
  await page.getByRole('button', { name: '11,900 more' }).waitFor()
  await page.getByRole('button', { name: '198,000 more characters' }).waitFor()
  assert.ok((await page.locator('*').count()) < 4000, 'only the part that is looked at is in the page')
  await page.getByRole('button', { name: 'raw' }).click()
  await page.locator('pre.raw').waitFor()
  console.log(`# the longest task while a payload of 1 MiB was opened took ${await page.evaluate(() => Math.round(window.longest))} ms`)
  await page.keyboard.press('Escape')
  await page.locator('.side').waitFor({ state: 'detached' })
})

const payloads = (canary) => [
  `<script>alert(1)</script>`, `<img src="${canary}/img" onerror="alert(1)">`, `"><svg onload=alert(1)>`, `javascript:alert(1)`, `<iframe src="${canary}/frame"></iframe>`,
  `<style>@import "${canary}/css"</style>`, `<link rel=stylesheet href="${canary}/link">`, `' onmouseover='alert(1)`, `{{constructor.constructor("alert(1)")()}}`, `<a href="javascript:alert(1)">x</a>`,
  `<base href="${canary}/">`, `<meta http-equiv=refresh content="0;url=${canary}/refresh">`, `<form action="${canary}"><input autofocus onfocus=alert(1)></form>`, `${'\u202e'}evil`, `\u001b[31mred`,
  `</textarea><script>alert(1)</script>`, `url(${canary}/url)`, `data:text/html,<script>alert(1)</script>`, `//${new URL(canary).host}/x`, `__proto__`, `constructor`, `<math><mi xlink:href="javascript:alert(1)">`,
  `<video src="${canary}/video" autoplay onerror=alert(1)>`, `<object data="${canary}/object">`, `<details open ontoggle=alert(1)>`, `%3Cscript%3Ealert(1)%3C/script%3E`, `\\u003cscript\\u003e`,
]

test('hostile text in every field does nothing: no script, no dialog, no request', async () => {
  const canary = 'http://127.0.0.1:9'
  const all = payloads(canary)
  await server.append(
    'hostile',
    all.map((text, i) => ({
      id: `h${i}-${text}`.slice(0, 120), event_type: text, stream_id: text, actor: text, subject: text, severity: 'error',
      payload: { [text]: text, message: text, name: text, list: [text, { [text]: [text] }], query: text, body: text },
      metadata: { [text]: text, tags: [text, `${text}:${text}`], called_from: { file: text, line: 1 } },
    })),
  )
  const page = await open(browser, server, '/?instance=hostile')
  await counted(page, all.length)
  const ids = (await server.query({ from: { instance: 'hostile' }, select: ['id'], limit: 1000 })).events.map((e) => e.id)
  for (let i = 0; i < all.length; i++) {
    await page.goto(`${server.url}/?instance=hostile&q=${encodeURIComponent(`message ${JSON.stringify(all[i])}`)}&event=${encodeURIComponent(ids[i])}`)
    await page.locator('.side h1').waitFor()
    assert.equal(await page.locator('.side h1').textContent(), all[i])
  }
  await page.goto(`${server.url}/e/hostile/${encodeURIComponent(ids[1])}`)
  await page.locator('h1').waitFor()
  await page.getByRole('button', { name: 'raw' }).click()
  const links = await page.locator('a').evaluateAll((found) => found.map((a) => a.protocol))
  for (const protocol of links) assert.match(protocol, /^https?:$/)
  assert.equal(await page.evaluate(() => document.querySelectorAll('script:not([src]), iframe, object, embed, base, form[action]').length), 0)
  assert.deepEqual(page.wrong, [])
})

test('had the page made markup of it, the test above would have noticed (control)', async () => {
  const canary = 'http://127.0.0.1:9'
  const page = await open(browser, server, '/?instance=shop', { bypassCSP: true })
  await page.evaluate((text) => document.body.insertAdjacentHTML('beforeend', text), payloads(canary)[1])
  const kinds = () => page.wrong.map((w) => w.split(':')[0]).sort()
  for (const until = Date.now() + patience; kinds().length < 2 && Date.now() < until; ) await page.evaluate(() => undefined)
  assert.deepEqual(kinds(), ['dialog', 'request'])
})

test('events that are not what their type says break neither the list nor the page', async () => {
  const odd = [null, true, 7, 'text', [], {}, [[[]]], { a: 1 }, 1e300]
  const kinds = ['log', 'query', 'request', 'response', 'middleware', 'template', 'email', 'event', 'access_check', 'scheme', 'message.received', 'hook.triggered', 'script.error', 'API', 'VIEW', 'CLICK', 'auth.permission_denied']
  const fields = ['message', 'context', 'target', 'query', 'syntax', 'method', 'uri', 'headers', 'body', 'cookies', 'session', 'name', 'subject', 'from', 'to', 'cc', 'attachments', 'group', 'access', 'control', 'object', 'action', 'source', 'error', 'script_source', 'memory_peak', 'memoryPeak', 'reply_to']
  const events = kinds.flatMap((event_type) => odd.map((v, i) => ({ id: `${event_type}-${i}`, event_type, payload: Object.fromEntries(fields.map((f, k) => [f, k % 3 === 0 ? v : odd[(i + k) % odd.length]])), metadata: { tags: v, duration: v, success: v, called_from: v, defined_in: v, scheme_id: v, parent_id: v, index: v } })))
  await server.append('odd', events)
  const page = await open(browser, server, '/?instance=odd')
  await counted(page, events.length)
  for (const { id, event_type } of events) {
    await page.evaluate((to) => {
      history.pushState(null, '', to)
      dispatchEvent(new PopStateEvent('popstate'))
    }, `/?instance=odd&event=${encodeURIComponent(id)}`)
    await page.locator('.side[aria-busy=false] h1', { hasText: event_type }).waitFor()
    await page.locator('.side .tree', { hasText: `id${id}` }).waitFor()
    assert.equal(await page.locator('.side .boundary').count(), 0, `the renderer of ${id} failed: ${await page.locator('.side .boundary').allTextContents()}`)
  }
  assert.deepEqual(page.wrong, [])
})

test('an instance, a stream and a view with hostile names do nothing either', async () => {
  const text = `<img src=x onerror=alert(1)>`
  await server.ask('POST', '/v1/instances', { name: text, description: text })
  await server.ask('PUT', `/v1/views/${encodeURIComponent(text)}`, { instance: text, query: `q=${encodeURIComponent(JSON.stringify(text))}` })
  const page = await open(browser, server, `/?instance=${encodeURIComponent(text)}&q=${encodeURIComponent(JSON.stringify(text))}`)
  await page.getByText('No event matches').waitFor()
  await page.getByRole('link', { name: text }).waitFor()
  assert.deepEqual(page.wrong, [])
  await server.ask('DELETE', `/v1/views/${encodeURIComponent(text)}`)
})

test('the policy holds: text that is made markup is refused by the browser', async () => {
  const page = await open(browser, server, '/?instance=shop')
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<b>markup</b>'
      return false
    } catch {
      return true
    }
  })
  assert.ok(refused, 'Trusted Types refuse innerHTML')
})
