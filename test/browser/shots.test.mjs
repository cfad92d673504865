// Makes the screenshots of the documentation: into the directory of FIRN_SHOTS
// (docs/images for good), else into a temporary one, so that they are made at
// every run.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, open, serve } from './harness.mjs'

let server, browser, into
const begin = Date.parse('2026-06-18T08:00:00Z')

/** A day's morning of a shop: busy, with an hour in which payments fail. */
function morning() {
  let seed = 11
  const random = (n) => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  const pick = (...all) => all[random(all.length)]
  const people = ['alice', 'bob', 'chen', 'dana', 'elif', 'farid', 'greta', 'hugo']
  const events = []
  for (let minute = 0; minute < 180; minute++) {
    const rush = 8 + Math.round(14 * Math.exp(-(((minute - 95) / 40) ** 2)))
    for (let i = 0; i < rush; i++) {
      const at = begin + minute * 60_000 + random(60_000)
      const who = pick(...people)
      const failing = minute > 100 && minute < 128 && random(3) === 0
      const kind = failing ? 'payment.failed' : pick('page.viewed', 'page.viewed', 'page.viewed', 'cart.filled', 'order.placed', 'payment.captured', 'mail.sent', 'cache.missed')
      events.push([at, {
        event_type: kind, stream_id: `visitor-${who}`, actor: who,
        severity: { 'payment.failed': random(9) === 0 ? 'critical' : 'error', 'cache.missed': 'debug', 'order.placed': 'notice' }[kind] ?? (random(25) === 0 ? 'warning' : 'info'),
        subject: kind.startsWith('order') || kind.startsWith('payment') ? `order-${4000 + minute}` : undefined,
        payload: {
          'page.viewed': { path: pick('/', '/boots', '/skis', '/cart', '/skis/touring-172'), duration_ms: 8 + random(300) / 4 },
          'cart.filled': { message: `${1 + random(3)} × touring ski 172`, items: [{ sku: 'SKI-172', price: 489.9 }] },
          'order.placed': { message: 'order is on its way to the warehouse', total: 489.9 + random(200), currency: 'EUR' },
          'payment.captured': { message: 'captured by the bank', total: 489.9, card: { brand: 'visa', last4: '4242' } },
          'payment.failed': { message: 'the bank did not answer within 5 s', total: 489.9, attempt: 1 + random(3), bank: { host: 'pay.example.com', status: 504, trace: 81724 } },
          'mail.sent': { subject: 'Your order', to: [`${who}@example.com`] },
          'cache.missed': { name: `price:SKI-${150 + random(40)}` },
        }[kind],
        metadata: { source: pick('web-1', 'web-2'), duration: 5 + random(400), tags: [`db:${pick('mysql', 'redis')}`, `server:php_0${1 + random(3)}`, 'is_production'], ...(kind === 'payment.failed' ? { success: false } : {}) },
        timestamp: new Date(at).toISOString(),
      }])
    }
  }
  return events.sort((a, b) => a[0] - b[0]).map(([, e]) => e)
}

before(async () => {
  server = await serve()
  browser = await launch()
  await server.append('shop', morning())
  for (const [name, query] of [['failures', 'q=severity%3E%3Derror'], ['payments', 'q=category%3Dpayment'], ['slow pages', 'q=payload.duration_ms%3E50']]) {
    await server.ask('PUT', `/v1/views/${encodeURIComponent(name)}`, { instance: 'shop', query })
  }
  into = process.env.FIRN_SHOTS ?? (await mkdtemp(join(tmpdir(), 'firn-shots-')))
  await mkdir(into, { recursive: true })
})
after(() => process.env.FIRN_SHOTS ?? rm(into, { recursive: true, force: true }))

const last = async (where) =>
  (await server.query({ from: { instance: 'shop' }, where: [where], select: ['id'], orderBy: { field: 'position', direction: 'desc' }, limit: 1 })).events[0].id

const pages = [
  ['explorer', async () => '/?instance=shop', async (page) => page.locator('.plot canvas').waitFor()],
  ['event', async () => `/?instance=shop&q=severity%3E%3Derror&event=${await last({ field: 'event_type', operator: 'eq', value: 'payment.failed' })}`, async (page) => page.locator('.side h1').waitFor()],
]

for (const colorScheme of ['light', 'dark']) {
  for (const [name, path, ready] of pages) {
    test(`${name}, ${colorScheme}`, async () => {
      const page = await open(browser, server, await path(), { colorScheme, viewport: { width: 1360, height: 820 }, deviceScaleFactor: 1 })
      await page.locator('.row .type').first().waitFor()
      await ready(page)
      await page.waitForFunction(() => document.querySelectorAll('[aria-busy=true]').length === 0)
      const file = join(into, `${name}-${colorScheme}.png`)
      await page.screenshot({ path: file })
      assert.ok((await stat(file)).size > 20_000)
      assert.deepEqual(page.wrong, [])
    })
  }
}
