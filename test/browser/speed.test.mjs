// How fast the viewer is, in a real browser on a real server. What else the machine
// does must not fail it, what the viewer does must: a measurement is taken several
// times and its best held against the limit; frames that an empty page misses too,
// measured beside, are not the viewer's; and the time that the page itself computes
// a frame is the thread's, not the clock's.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { counted, launch, open, serve } from './harness.mjs'

const million = Number(process.env.FIRN_BROWSER_EVENTS ?? 1_000_000)
const frame = 20 // ms, the 95th percentile
const rounds = 12

let server, browser

const words = ['request', 'served', 'from', 'cache', 'after', 'retry', 'timeout', 'row', 'lock']
const made = (i) => ({
  event_type: ['page.viewed', 'api.called', 'query.executed', 'user.login'][i % 4],
  stream_id: `user-${(i * 7919) % 1000}`,
  severity: ['info', 'info', 'info', 'debug', 'notice', 'warning', 'error'][i % 7],
  actor: `u${i % 500}`,
  timestamp: new Date(Date.UTC(2026, 0, 1) + i * 100).toISOString(),
  payload: { message: `${words[i % 9]} ${words[(i >> 3) % 9]} ${i}`, status: [200, 204, 404, 500][i % 4], duration_ms: (i % 1000) / 4 },
  metadata: { tags: ['db:mysql'] },
})

before(async () => {
  server = await serve()
  browser = await launch()
  await server.fill('million', million, made)
  await server.fill('hundred', 100_000, made)
  await server.fill('few', 100, made)
})

/** The best of several rounds: repeated until it is good enough, or they are over. */
async function best(limit, measure) {
  let least = Infinity
  for (let i = 0; i < 3 * rounds && !(least <= limit); i++) least = Math.min(least, await measure())
  return least
}

/** The 95th percentile of the time between frames while what runs for some seconds. */
const frames = (page, seconds, what = 'undefined') =>
  page.evaluate(
    async ([seconds, what]) => {
      const each = new Function('list', 'n', what)
      const list = document.querySelector('.list')
      const times = []
      const begin = performance.now()
      for (let n = 0, last = begin; last - begin < seconds * 1000; n++) {
        each(list, n)
        const now = await new Promise(requestAnimationFrame)
        if (n > 5) times.push(now - last)
        last = now
      }
      times.sort((a, b) => a - b)
      return times[Math.floor(times.length * 0.95)]
    },
    [seconds, what],
  )

/**
 * Holds the frames of a page that does something against the limit. Returns what
 * was measured, for people.
 */
async function smooth(page, seconds, what) {
  const empty = await page.context().newPage()
  await empty.setContent('<div class="list"></div>')
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  const computed = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value * 1000
  const all = []
  for (let i = 0; i < rounds; i++) {
    await page.bringToFront()
    const before = await computed()
    const p95 = await frames(page, seconds, what)
    const own = ((await computed()) - before) / (seconds * 60)
    await empty.bringToFront()
    const idle = await frames(empty, 1)
    all.push(`${p95.toFixed(1)} ms (an empty page: ${idle.toFixed(1)}, computing ${own.toFixed(1)} a frame)`)
    if (p95 <= Math.max(frame, idle) && own <= frame) return all.at(-1)
  }
  return assert.fail(`95 % of the frames within ${all.join('; ')}: more than ${frame} ms`)
}

test('the first rows of a million events are there as soon as those of a hundred', async () => {
  const page = await open(browser, server, '/?instance=million')
  await counted(page, million)
  const firstRows = async (instance) => {
    await page.goto('about:blank')
    await page.goto(`${server.url}/?instance=${instance}`)
    await page.locator('.row .type').first().waitFor()
    return page.evaluate(() => performance.getEntriesByName('first rows')[0]?.startTime ?? Infinity)
  }
  let few = Infinity
  for (let i = 0; i < rounds; i++) few = Math.min(few, await firstRows('few'))
  const took = await best(2 * few, () => firstRows('million'))
  console.log(`# first rows: ${Math.round(took)} ms after navigation of ${million} events, ${Math.round(few)} ms of a hundred (goal 300 ms)`)
  assert.ok(took <= 2 * few, `${took} ms, against ${few} ms of a hundred events`)
})

for (const [instance, n] of [['hundred', 100_000], ['million', million]]) {
  test(`${n} events scroll without a stutter`, async () => {
    const page = await open(browser, server, `/?instance=${instance}`)
    await counted(page, n)
    const took = await smooth(page, 3, 'list.scrollTop += n % 2 ? -700 : -500')
    console.log(`# scrolling through ${n} events: 95 % of the frames within ${took}`)
  })
}

test('a million rows are all reached, each at its place', async () => {
  const page = await open(browser, server, '/?instance=million')
  await counted(page, million)
  const shows = (i) => page.waitForFunction((i) => document.querySelector(`[data-row="${i}"]`)?.textContent.includes(` ${i}`), i)
  await shows(million - 1)
  await page.locator('.list').evaluate((el) => (el.scrollTop = 0))
  await shows(0)
  await page.locator('.list').evaluate((el) => (el.scrollTop = el.scrollHeight / 2))
  const middle = await page.waitForFunction(
    (n) => [...document.querySelectorAll('.row')].map((r) => Number(r.dataset.row)).find((i) => i > n * 0.45 && i < n * 0.55),
    million,
  )
  await shows(await middle.jsonValue())
  // Wheel by wheel, no row is passed over, however long the list.
  const at = () => page.evaluate(() => Math.min(...[...document.querySelectorAll('.row')].filter((r) => r.getBoundingClientRect().top >= document.querySelector('.list').getBoundingClientRect().top).map((r) => Number(r.dataset.row))))
  const from = await at()
  await page.locator('.list').hover()
  await page.mouse.wheel(0, 260)
  await page.waitForFunction((n) => document.querySelector(`[data-row="${n}"]`), from + 20)
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  assert.ok(Math.abs((await at()) - from - 10) <= 1, `260 pixels are ten rows: from ${from} to ${await at()}`)
  await page.locator('.list').focus()
  await page.keyboard.press('End')
  await shows(million - 1)
})

test('10,000 events a second: the tail keeps its frames, and misses nothing', async () => {
  await server.append('tail', made(0))
  const page = await open(browser, server, '/?instance=tail&live=1')
  await page.locator('.connection.live').waitFor()
  let sent = 1
  let going = true
  const load = (async () => {
    for (const begin = performance.now(); going; ) {
      const due = Math.floor((performance.now() - begin) * 10)
      if (due <= sent) {
        await new Promise((go) => setTimeout(go, 10))
        continue
      }
      const n = Math.min(due - sent, 2_000)
      await server.ask('POST', '/v1/instances/tail/events', Array.from({ length: n }, (_, i) => JSON.stringify(made(sent + i))).join('\n') + '\n', { 'Content-Type': 'application/x-ndjson' })
      sent += n
    }
  })()
  const from = sent
  const begin = performance.now()
  const took = await smooth(page, 4).finally(() => (going = false))
  const rate = ((sent - from) / (performance.now() - begin)) * 1000
  await load
  console.log(`# live tail at ${Math.round(rate)} events/s: 95 % of the frames within ${took}`)
  await counted(page, sent)
  await page.waitForFunction((i) => document.querySelector(`[data-row="${i}"]`)?.textContent.includes(` ${i}`), sent - 1)
})
