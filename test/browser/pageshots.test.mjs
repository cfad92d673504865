// Makes the screenshots of the request view and the pages, as shots.test.mjs
// makes those of the explorer.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, open, serve } from './harness.mjs'

let server, browser, into
const t0 = Date.parse('2026-06-18T09:41:07.120Z')
const at = (ms) => t0 + ms
const event = (type, ms, payload, more = {}) => ({ type, payload, time: at(ms), ...more })
const query = (ms, duration, text, line, more = {}) =>
  event('query', ms, { target: 'mysql', query: text, syntax: 'sql' }, { duration, tags: ['db:mysql', 'server:php_03'], called_from: { file: '/app/Article.php', line }, ...more })
const cache = (ms, key) => event('query', ms, { target: 'redis', query: `GET ${key}` }, { duration: 1, tags: ['db:redis', 'server:php_03'] })
const vote = (access, importance) => event('access_check', 9, { access, control: 'article:helloWorld', object: 'user:admin', action: 'publish' }, { importance })

const request = {
  id: '0f8fad5b-d9cb-469f-a165-70867728950e', version: 1,
  events: [
    event('request', 0, { method: 'POST', uri: '/articles/2/publish', headers: [{ key: 'accept', value: 'text/html' }] }, { tags: ['server:php_03', 'is_production'] }),
    event('middleware', 1, { name: 'ThrottleRequests' }, { duration: 5, importance: 1, nested: [cache(2, 'user:21114:hits')] }),
    vote('DENIED', 1), vote('GRANT', 1), vote('GRANT', 1), vote('GRANT', 3),
    event('event', 12, { name: 'ArticleController::onPublish', group: 'kernel' }, {
      duration: 118,
      nested: [
        query(14, 12, 'SELECT * FROM articles WHERE ID = 2;', 21), query(27, 11, 'SELECT * FROM articles WHERE ID = 2;', 33),
        event('event', 42, { name: 'comments.load', group: 'app' }, { duration: 50, nested: [11, 17, 23, 24, 31].map((id, i) => query(43 + i * 9, 7 + (i % 3), `SELECT * FROM comments WHERE author = ${id} LIMIT 5;`, 48)) }),
        event('log', 96, { message: 'Deprecated: Article::getTitle() will go', context: '{"user_id": 12345}' }, { importance: 4 }),
        query(101, 26, 'UPDATE articles SET published = 1 WHERE ID = 2;', 61, { success: false }),
      ],
    }),
    event('log', 128, { message: 'deadlock found when trying to get lock; tried again', context: '{"attempt": 1}' }, { importance: 5, success: false }),
    event('email', 134, { subject: 'Your article is out', body: '<div style="font:16px sans-serif"><h1 style="color:#0b61a8">Hello John</h1><p>Your article <b>Hello, world</b> is out. It was read twice already.</p></div>', from: 'no-reply@example.com', to: ['john_doe@example.com'], attachments: ['article.pdf'] }, { duration: 21 }),
    event('template', 158, { name: '/resources/templates/article.twig' }, { duration: 14, importance: 1, nested: [cache(161, 'menu'), event('template', 163, { name: '/resources/templates/menu.twig' }, { duration: 4, importance: 1 })] }),
    event('response', 0, { memory_peak: 6400000 }, { duration: 176 }),
  ],
}

before(async () => {
  server = await serve()
  browser = await launch()
  await server.ask('POST', '/debug/schemes?app=shop', request)
  into = process.env.FIRN_SHOTS ?? (await mkdtemp(join(tmpdir(), 'firn-shots-')))
  await mkdir(into, { recursive: true })
})
after(() => process.env.FIRN_SHOTS ?? rm(into, { recursive: true, force: true }))

const id = (n) => `${request.id}:${n}`
const pages = [
  ['request', `/requests?instance=debug&scheme=${request.id}`, async (page) => page.locator('.findings').waitFor()],
  ['mail', `/e/debug/${id(19)}`, async (page) => {
    await page.getByRole('button', { name: 'preview' }).click()
    await page.frameLocator('iframe').locator('h1').waitFor()
  }],
  ['catalog', '/catalog?instance=debug&seen=1', async (page) => page.getByRole('link', { name: 'access_check' }).waitFor()],
]

for (const colorScheme of ['light', 'dark']) {
  for (const [name, path, ready] of pages) {
    test(`${name}, ${colorScheme}`, async () => {
      const page = await open(browser, server, path, { colorScheme, viewport: { width: 1360, height: 960 }, deviceScaleFactor: 1 })
      await ready(page)
      await page.mouse.move(0, 0)
      const file = join(into, `${name}-${colorScheme}.png`)
      await page.screenshot({ path: file })
      assert.ok((await stat(file)).size > 20_000)
      assert.deepEqual(page.wrong, [])
    })
  }
}
