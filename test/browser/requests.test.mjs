// The request view of web debug, and the files that its events name.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { accessible, launch, open, serve } from './accessible.mjs'

let server, browser, dir
const t0 = Date.parse('2026-03-01T10:00:00Z')
const query = (target, text, at, duration, more = {}) => ({
  type: 'query', payload: { target, query: text, syntax: 'sql' }, ...(at === undefined ? {} : { time: t0 + at }), ...(duration === undefined ? {} : { duration }), ...more,
})
const check = (access, importance, more) => ({ type: 'access_check', payload: { access, ...more }, importance, time: t0 })
const article = { control: 'article:helloWorld', object: 'user:admin', action: 'publish' }
const scheme = {
  id: 'r1', version: 1,
  events: [
    { type: 'request', payload: { method: 'GET', uri: '/articles/2' }, time: t0, tags: ['server:php_03', 'is_production'] },
    {
      type: 'event', payload: { name: 'outer' }, time: t0 + 10, duration: 80,
      nested: [
        { type: 'event', payload: { name: 'inner' }, time: t0 + 20, duration: 60, nested: Array.from({ length: 4 }, (_, i) => query('mysql', `SELECT * FROM c WHERE a = ${i}`, 20 + 10 * i, 10, { tags: ['db:mysql'], called_from: { file: '/app/C.php', line: 12 } })) },
        query('redis', 'GET user:1', 85, 2, { tags: ['db:redis'] }), query('redis', 'GET user:1', 88),
      ],
    },
    check('DENIED', 1, article), check('GRANT', 1, article), check('GRANT', 3, article), check('DENIED', 2, { control: 'Cockpit', object: 'R2-D2' }),
    { type: 'log', payload: { message: 'broken' }, importance: 5, success: false, time: t0 + 95, called_from: { file: '/app/Article.php', line: 21 } },
    { type: 'log', payload: { message: 'first' }, called_from: { file: '/app/Article.php', line: 1, pos: 3 } },
    { type: 'log', payload: { message: 'last' }, called_from: { file: '/app/Article.php', line: 40, pos: 3, pos_end: 5 } },
    { type: 'log', payload: { message: 'beyond' }, called_from: { file: '/app/Article.php', line: 90 } },
    { type: 'log', payload: { message: 'gone' }, called_from: { file: '/app/None.php', line: 1 } },
    { type: 'log', payload: { message: 'outside' }, called_from: { file: '/../secret.php', line: 1 } },
    { type: 'response', payload: {}, duration: 100, time: t0 },
  ],
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'firn-project-'))
  await mkdir(join(dir, 'project', 'app'), { recursive: true })
  await writeFile(join(dir, 'project', 'app', 'Article.php'), Array.from({ length: 40 }, (_, i) => `ab😀cd = "line ${i + 1}";`).join('\n') + '\n')
  await writeFile(join(dir, 'secret.php'), 'the secret\n')
  await writeFile(join(dir, 'config.json'), JSON.stringify({ webdebug: { project_root: join(dir, 'project') } }))
  server = await serve('--config', join(dir, 'config.json'))
  browser = await launch()
  await server.ask('POST', '/debug/schemes?app=shop', scheme)
  for (let i = 0; i < 60; i++) {
    await server.ask('POST', '/debug/schemes?app=many', { id: `many-${i}`, version: 1, events: [{ type: 'request', payload: { method: 'GET', uri: `/n/${i}` }, time: t0 - 1000 - i, nested: [query('mysql', 'q', undefined, 5)] }] })
  }
})
after(() => rm(dir, { recursive: true, force: true }))

const view = (more = '') => open(browser, server, `/requests?instance=debug&scheme=r1${more}`)
const entries = (page) => page.locator('.waterfall .entry')
const texts = (page) => page.locator('.waterfall .entry .text').allInnerTexts()

test('requests: a list, the latest first, in pages; totals are over all that match, not over the page', async () => {
  const page = await open(browser, server, '/requests?instance=debug')
  await page.getByRole('link', { name: /\/n\/59/ }).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 50)
  await page.locator('.totals').getByText('target mysql 64 requests, total 340 ms').waitFor()
  await page.locator('.totals').getByText('target redis 2 requests, total 2 ms (1 without a duration, not in the total)').waitFor()
  await page.getByRole('button', { name: 'Earlier' }).click()
  await page.getByRole('link', { name: /articles\/2/ }).waitFor()
  assert.match(await page.locator('tbody tr', { hasText: 'articles/2' }).innerText(), /shop[\s\S]*100 ms[\s\S]*1 event failed/)
  await page.getByLabel('Of all queries').fill('stream_id=shop')
  await page.keyboard.press('Enter')
  await page.locator('.totals').getByText('target mysql 4 requests, total 40 ms').waitFor()
  await accessible(page)
  await page.getByRole('link', { name: /articles\/2/ }).click()
  await entries(page).first().waitFor()
  assert.deepEqual(page.wrong, [])
})

test('request: the tree in its order, nesting kept and foldable; the waterfall from time and duration', async () => {
  const page = await view()
  await entries(page).first().waitFor()
  assert.deepEqual((await texts(page)).slice(0, 5), ['GET · /articles/2', 'outer', 'inner', 'mysql · SELECT * FROM c WHERE a = 0', 'mysql · SELECT * FROM c WHERE a = 1'])
  assert.deepEqual(await page.locator('.waterfall li').evaluateAll((all) => all.slice(0, 4).map((li) => li.dataset.depth)), ['0', '0', '1', '2'])
  const bar = (n) => page.locator('.waterfall li').nth(n).locator('.extent').evaluate((e) => [parseFloat(e.style.left), parseFloat(e.style.width)].map((x) => Math.round(x * 100) / 100))
  assert.deepEqual(await bar(1), [10, 80])
  assert.deepEqual(await bar(3), [20, 10])
  assert.equal(await page.locator('.waterfall li', { hasText: 'first' }).locator('.extent').count(), 0, 'no time, no place')
  await page.getByRole('button', { name: 'Hide the 4 events in this one' }).click()
  assert.equal((await texts(page))[3], 'redis · GET user:1')
  assert.match(await page.locator('.request-main header').innerText(), /total request time 100 ms[\s\S]*1 event failed/)
  assert.deepEqual(page.wrong, [])
})

test('request: success false is highlighted in the tree, in colour and word', async () => {
  const page = await view()
  await entries(page).first().waitFor()
  assert.deepEqual(await page.locator('.waterfall li.failed .text').allInnerTexts(), ['broken'])
  assert.equal(await page.locator('.waterfall li.failed .fail').innerText(), 'failed')
})

test('request: queries by target; possible N+1 and duplicates with what they waste and why', async () => {
  const page = await view()
  await page.locator('.totals').getByText('target mysql 4 requests, total 40 ms').waitFor()
  const found = await page.locator('.findings').innerText()
  assert.match(found, /possible N\+1\s+target mysql\s+30 ms wasted\s+4 queries differ in their values only, called from the same place \(\/app\/C\.php:12\)/)
  assert.match(found, /duplicate\s+target redis\s+2 ms wasted\s+The same query ran 2 times/)
  await page.locator('.findings').getByRole('button', { name: 'Show query 1 of 4' }).click()
  await page.locator('.side .rendered').getByText('mysql').first().waitFor()
  assert.match(page.url(), /event=r1:3|event=r1%3A3/)
  assert.deepEqual(page.wrong, [])
})

test('request: access votes, and the final one', async () => {
  const page = await view()
  const said = page.locator('.ballots li')
  await said.first().waitFor()
  assert.match(await said.nth(0).innerText(), /final[\s\S]*GRANT\s+user:admin → publish → article:helloWorld\s+votes: 1 GRANT, 1 DENIED/)
  assert.match(await said.nth(1).innerText(), /DENIED\s+R2-D2 → access → Cockpit/)
})

test('request: tags are filters, multiple selects and boxes, a→z; the range of importance; all of it in the address', async () => {
  const page = await view()
  await entries(page).first().waitFor()
  assert.deepEqual(await page.locator('.filters select').evaluateAll((all) => all.map((s) => [s.getAttribute('aria-label'), s.multiple, [...s.options].map((o) => o.value)])), [
    ['db', true, ['mysql', 'redis']], ['server', true, ['php_03']],
  ])
  await page.getByLabel('db').selectOption(['redis'])
  await page.locator('.totals').getByText('target redis 1 request, total 2 ms').waitFor()
  assert.deepEqual(await texts(page), ['outer', 'redis · GET user:1'])
  await page.reload()
  await page.locator('.totals').getByText('target redis 1 request, total 2 ms').waitFor()
  await page.getByRole('button', { name: 'clear' }).click()
  await page.getByLabel('is_production').check()
  await page.waitForFunction(() => document.querySelectorAll('.waterfall .entry').length === 1)
  await page.getByRole('button', { name: 'clear' }).click()
  const from = page.getByLabel('Importance from')
  await from.focus()
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight')
  await page.waitForFunction(() => document.querySelectorAll('.waterfall .entry').length === 1)
  assert.deepEqual(await texts(page), ['broken'])
  assert.match(page.url(), /low=5/)
})

test('request: by keyboard alone; what is chosen is in the address; accessible in light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(browser, server, '/requests?instance=debug&scheme=r1', { colorScheme })
    await entries(page).first().focus()
    for (const key of ['ArrowDown', 'j', 'k', 'ArrowDown', 'Enter']) await page.keyboard.press(key)
    await page.locator('.side .rendered').waitFor()
    assert.match(decodeURIComponent(page.url()), /event=r1:2$/)
    await accessible(page)
    assert.deepEqual(page.wrong, [])
    await page.context().close()
  }
})

test('request: one that is not there', async () => {
  const page = await open(browser, server, '/requests?instance=debug&scheme=none')
  await page.getByText('There is no such request').waitFor()
})

const place = async (message) => {
  const n = [...'x'.repeat(20)].findIndex((_, i) => flat[i]?.payload.message === message)
  const page = await open(browser, server, `/e/debug/r1:${n}`)
  await page.locator('.location .fold').click()
  return page
}
const flat = []
const add = (all) => all.forEach((e) => (flat.push(e), add(e.nested ?? [])))
add(scheme.events)
const numbers = (page) => page.locator('.lines .n').allInnerTexts()

test('location: the line ±3, without pos the whole line highlighted; more above and below; highlighted by extension', async () => {
  const page = await place('broken')
  await page.locator('.lines li').first().waitFor()
  assert.equal(await page.locator('.location .fold code').innerText(), '/app/Article.php:21')
  assert.deepEqual((await numbers(page)).map((n) => n.replace(/\D/g, '')), ['18', '19', '20', '21', '22', '23', '24'])
  assert.match(await page.locator('.lines .here').innerText(), /21[\s\S]*line 21/)
  assert.equal(await page.locator('.lines mark, .lines .cursor').count(), 0)
  await page.locator('.lines .c-string').first().waitFor()
  await page.getByRole('button', { name: 'load more above' }).click()
  await page.locator('.lines').getByText('line 1"').waitFor()
  assert.equal(await page.getByRole('button', { name: 'load more above' }).count(), 0, 'at the start')
  await page.getByRole('button', { name: 'load more below' }).click()
  await page.locator('.lines').getByText('line 40"').waitFor()
  assert.equal(await page.getByRole('button', { name: 'load more below' }).count(), 0, 'at the end')
  assert.ok(!(await page.content()).includes(dir), 'the root of the project is never shown')
  await accessible(page)
  assert.deepEqual(page.wrong, [])
})

test('location: the first line with a cursor, the last with a range of symbols, one beyond the last, a missing file, one outside', async () => {
  let page = await place('first')
  await page.locator('.lines .here .cursor').waitFor()
  assert.deepEqual((await numbers(page)).length, 4)
  page = await place('last')
  assert.equal(await page.locator('.lines .here mark').innerText(), '😀cd')
  page = await place('beyond')
  await page.getByText('The file ends at line 40').waitFor()
  page = await place('gone')
  await page.getByText('there is no text file').waitFor()
  page = await place('outside')
  await page.getByText('there is no text file').waitFor()
  assert.ok(!(await page.content()).includes('the secret'))
})
