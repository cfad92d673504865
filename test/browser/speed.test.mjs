// How fast the viewer is, in a real browser on a real server. What else the machine
// does must not fail it, what the viewer does must: a measurement is taken several
// times and its best held against the limit; and frames that are late are the
// viewer's only where its own thread computed so long for each, by the thread's
// clock, and by the measure of what this machine takes for a piece of work.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { counted, launch, open, patience, serve } from './harness.mjs'

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

/** The 95th percentile of the time between frames while what runs for some seconds, and how many there were. */
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
      return [times[Math.floor(times.length * 0.95)], times.length]
    },
    [seconds, what],
  )

/**
 * How many times slower than the machine of the limits this one is, by its best of
 * many short pieces of work, between which it does other things; 1 at least.
 */
const slowness = (page) =>
  page.evaluate(() => {
    let least = Infinity
    for (let n = 0; n < 100; n++) {
      const begin = performance.now()
      const text = JSON.stringify(Array.from({ length: 30_000 }, (_, i) => ({ i, text: `number ${i}` })))
      JSON.parse(text).sort((a, b) => b.i - a.i)
      least = Math.min(least, performance.now() - begin)
    }
    return { least, slowness: Math.max(1, least / 10) }
  })

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
  let least = Infinity
  for (let i = 0; i < rounds; i++) {
    await page.bringToFront()
    const before = await computed()
    const [p95, n] = await frames(page, seconds, what)
    const own = ((await computed()) - before) / n
    await empty.bringToFront()
    const [idle] = await frames(empty, 1)
    least = Math.min(least, own)
    all.push(`${p95.toFixed(1)} ms (an empty page: ${idle.toFixed(1)}, computing ${own.toFixed(1)} a frame)`)
    if (p95 <= Math.max(frame, idle) && own <= frame) return all.at(-1)
  }
  const machine = await slowness(empty)
  assert.ok(least <= frame * machine.slowness, `95 % of the frames within ${all.join('; ')}: more than ${frame} ms on a machine that is ${machine.slowness} times slower (${machine.least} ms)`)
  return `${all.join('; ')}: late on a busy machine, though the page computed no more than ${least.toFixed(1)} ms a frame`
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
  const took = await best(3 * few, () => firstRows('million'))
  console.log(`# first rows: ${Math.round(took)} ms after navigation of ${million} events, ${Math.round(few)} ms of a hundred (goal 300 ms)`)
  assert.ok(took <= 3 * few, `${took} ms, against ${few} ms of a hundred events`)
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
  let to = from // 260 pixels are ten rows
  for (const until = Date.now() + patience; Math.abs(to - from - 10) > 1; to = await at()) {
    assert.ok(Date.now() < until, `from row ${from} to ${to}, want ten rows on`)
    await page.evaluate(() => new Promise(requestAnimationFrame))
  }
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
