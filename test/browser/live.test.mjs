import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { counted, launch, open, rows, serve } from './harness.mjs'

let server, browser
const many = (from, n) => Array.from({ length: n }, (_, i) => ({ event_type: 'tick', payload: { message: `tick ${from + i}` } }))
const last = (page, text) => page.waitForFunction((t) => [...document.querySelectorAll('.row')].some((r) => r.textContent.includes(t)), text)

before(async () => {
  server = await serve()
  browser = await launch()
})

test('what arrives is there, exactly once and in order, the end in view', async () => {
  await server.append('ticks', many(0, 5))
  const page = await open(browser, server, '/?instance=ticks&live=1')
  await page.locator('.connection.live').waitFor()
  for (let i = 0; i < 10; i++) await server.append('ticks', many(5 + i * 20, 20))
  await counted(page, 205)
  await last(page, 'tick 204')
  const seen = (await rows(page).evaluateAll((all) => all.map((r) => [Number(r.dataset.row), Number(/tick (\d+)/.exec(r.textContent)[1])]))).sort((a, b) => a[0] - b[0])
  for (const [row, tick] of seen) assert.equal(row, tick)
})

test('scrolling up pauses it, says how many are new, and n goes there', async () => {
  const page = await open(browser, server, '/?instance=ticks&live=1')
  await page.locator('.connection.live').waitFor()
  const before = Number((await page.locator('.total').textContent()).replace(/\D/g, ''))
  await last(page, `tick ${before - 1}`)
  await page.locator('.list').hover()
  await page.mouse.wheel(0, -1500)
  await page.getByText('scrolling paused').waitFor()
  const top = await page.locator('.list').evaluate((el) => el.scrollTop)
  await server.append('ticks', many(before, 7))
  await page.getByRole('button', { name: '7 new' }).waitFor()
  assert.equal(await page.locator('.list').evaluate((el) => el.scrollTop), top, 'what is read stays where it is')
  await page.keyboard.press('n')
  await last(page, `tick ${before + 6}`)
  await page.locator('.unseen').waitFor({ state: 'detached' })
})

test('the filter holds for what arrives', async () => {
  const page = await open(browser, server, '/?instance=ticks&live=1&q=payload.message%3D%22chosen%22')
  await page.locator('.connection.live').waitFor()
  await server.append('ticks', [...many(0, 3), { event_type: 'tick', payload: { message: 'chosen' } }, ...many(0, 3)])
  await counted(page, 1)
})

test('a lost connection is told, taken up again, and nothing is missing', async () => {
  await server.append('lost', many(0, 3))
  const page = await open(browser, server, '/?instance=lost&live=1')
  await page.locator('.connection.live').waitFor()
  await counted(page, 3)
  await server.stop()
  await page.locator('.connection.lost, .connection.connecting').first().waitFor()
  await server.again()
  await server.append('lost', many(3, 4))
  await page.locator('.connection.live').waitFor()
  await counted(page, 7)
  await last(page, 'tick 6')
  const seen = await rows(page).evaluateAll((all) => all.map((r) => /tick \d+/.exec(r.textContent)[0]))
  assert.equal(new Set(seen).size, 7)
})

test('what was removed before it could be delivered is marked as skipped', async () => {
  await server.append('gaps', [...many(0, 5), { event_type: 'kept' }])
  const page = await open(browser, server, '/?instance=gaps&live=1')
  await page.locator('.connection.live').waitFor()
  await counted(page, 6)
  // While the page is away, events come and go.
  await page.context().setOffline(true)
  await page.evaluate(() => undefined)
  await server.stop()
  await server.again()
  await server.append('gaps', many(6, 40))
  await server.ask('DELETE', '/v1/instances/gaps/events?type=tick')
  await server.append('gaps', { event_type: 'after' })
  await page.context().setOffline(false)
  await page.locator('.skipped', { hasText: /skipped: positions/ }).waitFor()
  await rows(page).filter({ hasText: 'after' }).waitFor()
})

test('clear empties the list, and what comes is shown', async () => {
  const page = await open(browser, server, '/?instance=ticks&live=1')
  await page.locator('.connection.live').waitFor()
  await page.locator('.total').waitFor()
  await page.waitForFunction(() => /\d event/.test(document.querySelector('.total')?.textContent ?? ''))
  await page.getByRole('button', { name: 'clear' }).click()
  await counted(page, 0)
  await server.append('ticks', many(0, 2))
  await counted(page, 2)
})

test('the histogram and the facets follow', async () => {
  const page = await open(browser, server, '/?instance=grows&live=1')
  await server.append('grows', many(0, 3))
  await page.reload()
  await page.locator('.connection.live').waitFor()
  await page.locator('figure.histogram[aria-label^="Histogram: 3 events"]').waitFor()
  await server.append('grows', { event_type: 'another.type' })
  await page.locator('figure.histogram[aria-label^="Histogram: 4 events"]').waitFor()
  await page.getByRole('checkbox', { name: 'another.type' }).waitFor()
})
