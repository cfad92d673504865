// Hostile text in every field of what renderers, the request view and the pages
// show: it stays text, and nothing leaves.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { launch, open, serve } from './harness.mjs'

let server, browser
const evil = `"'><img src=http://127.0.0.1:1/x onerror=alert(1)><script>alert(2)</script>`
const link = 'javascript:alert(3)//http://127.0.0.1:1/'
const types = {
  log: { message: evil, context: evil }, query: { target: evil, query: evil, syntax: 'xml' }, request: { method: evil, uri: link, headers: [{ key: evil, value: link }], cookies: [{ key: evil, value: evil }] },
  response: { memory_peak: evil }, middleware: { name: evil }, template: { name: evil }, event: { name: evil, group: evil }, email: { subject: evil, body: evil, from: evil, to: [evil], attachments: [link] },
  access_check: { access: evil, object: evil, action: evil, control: evil }, [evil]: { [evil]: evil }, 'message.x': { message: evil, from: link }, 'hook.failed': { url: link, error: evil, response: evil },
  'script.error': { error: evil, script_source: evil, input: evil }, API: { method: evil, route: link, params: { [evil]: evil } }, CLICK: { path: link, component: evil, element: evil }, 'auth.permission_denied': { required_permission: evil },
}
const entries = Object.entries(types)

before(async () => {
  server = await serve()
  browser = await launch()
  const tags = [evil, `${evil}:${evil}`]
  await server.ask('POST', '/debug/schemes', {
    id: 'h', version: 1, events: entries.map(([type, payload]) => ({ type, payload, tags, success: false, called_from: { file: evil, line: 1 } })),
  })
})

for (const [i, [type]] of entries.entries()) {
  test(`hostile text in an event of the type ${type.slice(0, 30)} stays text`, async () => {
    const page = await open(browser, server, `/e/debug/h:${i}`)
    await page.locator('.rendered').waitFor()
    assert.equal(await page.locator('.detail img, .detail script, .detail [onerror], .detail a[href^="javascript"]').count(), 0)
    assert.ok((await page.locator('.detail').innerText()).includes('onerror=alert(1)'))
    assert.deepEqual(page.wrong, [])
    await page.context().close()
  })
}

test('hostile text in the request view, the catalog and the figures stays text', async () => {
  for (const path of ['/requests?instance=debug', '/requests?instance=debug&scheme=h&event=h:1', '/catalog?instance=debug', `/catalog?instance=debug&type=${encodeURIComponent(evil)}`, '/figures?instance=debug']) {
    const page = await open(browser, server, path)
    await page.getByText('onerror=alert(1)').first().waitFor()
    assert.equal(await page.locator('main img, main script, main [onerror], main a[href^="javascript"]').count(), 0)
    assert.deepEqual(page.wrong, [])
    await page.context().close()
  }
})
