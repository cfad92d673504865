// Mail is hostile: no script of it runs, nothing of it is fetched, framed and as
// a tab, and the page around it stays what it was.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { launch, open, serve } from './harness.mjs'


// The canary speaks plain HTTP: a TLS hello to it is a connection, and counted.
let server, browser, canary
const seen = { requests: [], connections: 0 }

before(async () => {
  canary = createServer((q, a) => {
    seen.requests.push(q.url)
    a.setHeader('Access-Control-Allow-Origin', '*')
    a.end('x')
  })
  canary.on('connection', () => seen.connections++)
  await new Promise((done) => canary.listen(0, '127.0.0.1', done))
  server = await serve()
  browser = await launch()
  await server.append('debug', [
    { id: 'hostile', event_type: 'email', payload: { subject: 'You won', from: 'a', to: ['b'], body: hostile(`http://127.0.0.1:${canary.address().port}`) } },
    { id: 'plain', event_type: 'email', payload: { subject: 'Plain', from: 'a', to: ['b'], body: 'Good day' } },
  ])
})
after(() => new Promise((done) => canary.close(done)))

const hostile = (to) => {
  const secure = to.replace('http:', 'https:')
  return `<!doctype html><html manifest="${to}/manifest"><head><title>taken over</title><base href="${to}/base/">
<meta http-equiv="refresh" content="0;url=${to}/refresh"><meta http-equiv="Content-Security-Policy" content="default-src *">
<link rel="stylesheet" href="${to}/style.css"><link rel="icon" href="${to}/icon"><link rel="prefetch" href="${to}/prefetch"><link rel="preload" as="image" href="${to}/preload">
<link rel="dns-prefetch" href="//127.0.0.1"><link rel="prerender" href="${to}/prerender"><link rel="modulepreload" href="${to}/module.js"><link rel="manifest" href="${to}/manifest.json">
<style>@import "${to}/import.css"; @font-face{font-family:f;src:url(${to}/font)} body{background:url(${to}/background);font-family:f} h1::after{content:url(${to}/content)}</style>
<script>top.document.title='owned';alert(1);fetch('${to}/script')</script><script src="${to}/script.js"></script></head>
<body onload="alert(2);fetch('${to}/onload')"><h1 id="seen">Hello</h1>
<img src="${to}/img"><img src="${secure}/img"><img srcset="${to}/srcset 2x" src="x" onerror="alert(3);new Image().src='${to}/onerror'"><img src="relative.png">
<picture><source srcset="${to}/source"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></picture>
<video src="${to}/video" poster="${to}/poster" autoplay></video><audio src="${to}/audio" autoplay></audio><embed src="${to}/embed"><object data="${to}/object"></object>
<iframe src="${to}/iframe"></iframe><iframe srcdoc="<script>alert(4)</script><img src='${to}/srcdoc'>"></iframe><iframe src="javascript:top.location='${to}/js'"></iframe>
<svg><image href="${to}/svg"/><use href="${to}/use#x"/><script>alert(5)</script><a href="javascript:alert(6)"><text y="20">x</text></a></svg>
<form action="${to}/form" method="post"><input name="a"><button id="send">send</button></form><form><button formaction="javascript:alert(7)">x</button></form>
<a id="blank" href="${to}/link" target="_blank" ping="${to}/ping">link</a><a id="top" href="${to}/top" target="_top">top</a><a id="js" href="javascript:alert(8)">js</a>
<table background="${to}/table"><tr><td style="background-image:url(${to}/td);list-style:url(${to}/list);cursor:url(${to}/cursor),auto">x</td></tr></table>
<marquee onstart="alert(9)">m</marquee><details open ontoggle="alert(10)">d</details><input autofocus onfocus="alert(11)"><body background="${to}/body2">`
}

/** What the browser was seen to do wrong, the policy's own reports left out: they say that it held. */
const wrong = (page) => page.wrong.filter((w) => !w.startsWith('policy:') && !(w.startsWith('request:') && w.includes('127.0.0.1')))

test('mail, framed: no script, no request, the page keeps its title and address', async () => {
  const page = await open(browser, server, '/e/debug/hostile')
  await page.getByRole('button', { name: 'preview' }).click()
  const frame = page.frameLocator('iframe')
  await frame.locator('#seen').waitFor()
  const element = page.locator('iframe')
  assert.equal(await element.getAttribute('sandbox'), '')
  assert.equal(await element.getAttribute('title'), 'Preview of the mail')
  const { title, url } = { title: await page.title(), url: page.url() }
  for (const id of ['send', 'js', 'top', 'blank']) await frame.locator(`#${id}`).click()
  await page.getByRole('button', { name: 'source' }).click()
  await page.getByRole('button', { name: 'preview' }).click()
  await frame.locator('#seen').waitFor()
  await page.waitForLoadState('networkidle')
  assert.deepEqual(seen, { requests: [], connections: 0 })
  assert.deepEqual(wrong(page), [])
  assert.equal(page.context().pages().length, 1, 'no window was opened')
  assert.equal(await page.title(), title)
  assert.equal(page.url(), url)
})

test('mail, as a tab: no script, no request, an origin of its own', async () => {
  const page = await open(browser, server, '/e/debug/hostile/mail')
  await page.locator('#seen').waitFor()
  await page.waitForLoadState('networkidle')
  for (const id of ['send', 'js']) await page.locator(`#${id}`).click()
  assert.deepEqual(seen, { requests: [], connections: 0 })
  assert.deepEqual(wrong(page), [])
  assert.equal(page.url(), `${server.url}/e/debug/hostile/mail`)
})

test('mail: the canary does notice what is fetched (the control)', async () => {
  await fetch(`http://127.0.0.1:${canary.address().port}/control`)
  assert.deepEqual(seen.requests, ['/control'])
  assert.equal(seen.connections, 1)
})

test('mail: remote images for one view, asked for by hand, over https only', async () => {
  const page = await open(browser, server, '/e/debug/hostile')
  await page.getByRole('button', { name: 'preview' }).click()
  await page.frameLocator('iframe').locator('#seen').waitFor()
  const answer = page.waitForResponse((r) => r.url().endsWith('/mail?images=remote'))
  await page.getByRole('button', { name: 'load remote images' }).click()
  assert.match((await answer).headers()['content-security-policy'], /img-src data: https:;/)
  await page.frameLocator('iframe').locator('#seen').waitFor()
  assert.deepEqual(seen.requests, ['/control'], 'nothing over http')
  await page.reload()
  await page.getByRole('button', { name: 'preview' }).click()
  assert.match(await page.locator('iframe').getAttribute('src'), /\/mail$/)
})

test('mail: plain text is a preview too', async () => {
  const page = await open(browser, server, '/e/debug/plain')
  await page.getByRole('button', { name: 'preview' }).click()
  await page.frameLocator('iframe').getByText('Good day').waitFor()
  assert.deepEqual(page.wrong, [])
})
