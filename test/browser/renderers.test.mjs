// How events of each kind are shown: the rules of the web debug document (its
// table of viewer rules) that need a browser, and the other systems' families.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { launch, open, serve } from './harness.mjs'

let server, browser
const t0 = Date.parse('2026-03-01T10:00:00Z')
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

const long = (n) => `SELECT '${'x'.repeat(n - 9)}'`
const scheme = {
  id: 'scheme-1', version: 1,
  events: [
    { type: 'log', payload: { message: 'with a context', context: '{"user_id": 12345, "name": "x"}' }, importance: 2, time: t0 },
    { type: 'log', payload: { message: 'without' }, time: t0 },
    { type: 'log', payload: { message: 'cut', context: '{"a": "' + '😀'.repeat(5000) + '"}' }, time: t0 },
    { type: 'log', payload: { message: 'invalid', context: '{"a": 1, "b": ' }, time: t0 },
    { type: 'query', payload: { target: 'mysql', query: 'SELECT 1 FROM t', syntax: 'sql' }, duration: 30, success: false, called_from: { file: '/app/Article.php', line: 21 } },
    { type: 'query', payload: { target: 'mysql', query: 'SELECT 1 FROM t' }, success: true },
    { type: 'query', payload: { target: 'mongodb', query: '{"a": 1}', syntax: 'json' } },
    { type: 'query', payload: { target: 'x', query: '<a b="c"/>', syntax: 'xml' } },
    { type: 'query', payload: { target: 'x', query: 'SELECT 1', syntax: 'text' } },
    { type: 'query', payload: { target: 'x', query: 'SELECT 1', syntax: 'yaml' } },
    { type: 'query', payload: { target: 'x', query: long(511), syntax: 'sql' } },
    { type: 'query', payload: { target: 'x', query: long(512), syntax: 'sql' } },
    {
      type: 'request', time: t0,
      payload: {
        method: 'PURGE', uri: '/api/hello?foo=bar', headers: [{ key: 'accept', value: 'text/html' }, { key: 'accept', value: 'text/plain' }],
        query: [{ key: 'foo', value: 'bar' }], body: [], cookies: [{ key: 'PHPSESS', value: 'l6q632' }], session: [{ key: 'userid', value: 21114 }], route: 'hello',
      },
    },
    { type: 'response', payload: { memory_peak: 1000000 }, duration: 210 },
    { type: 'response', payload: {}, duration: 3400 },
    { type: 'middleware', payload: { name: 'ThrottleRequests' }, duration: 4, defined_in: { file: '/app/Throttle.php' } },
    { type: 'template', payload: { name: '/header.twig' } },
    { type: 'event', payload: { name: 'ConsoleHandler::onCommand', group: 'kernel' } },
    { type: 'event', payload: { name: 'alone' } },
    {
      type: 'email',
      payload: { subject: 'Welcome', body: '<h1>Hello John</h1>', from: 'a@example.com', to: ['b@example.com', 'c@example.com'], cc: 'd@example.com', reply_to: 'r@example.com', attachments: ['payment-info.pdf'], priority: 3 },
    },
    { type: 'email', payload: { subject: 'Plain', body: 'just text, 1 < 2', from: 'a@example.com', to: 'b@example.com' } },
    { type: 'email', payload: { subject: 'Large', body: `<p>${'lorem ipsum '.repeat(90_000)}</p>`, from: 'a', to: [] } },
    { type: 'access_check', payload: { access: 'GRANT', control: 'article:helloWorld', object: 'user:admin', action: 'publish' } },
    { type: 'access_check', payload: { access: 'DENIED', control: 'Cockpit', object: 'R2-D2' } },
    { type: 'access_check', payload: { access: 'MAYBE' } },
    { type: 'cache_query', payload: { key: 'menu', big: 12345678901234567890n, list: [1] } },
    { type: 'query', payload: { query: 7, target: [] } },
    { type: 'email', payload: { body: null } },
    { type: 'log', payload: { message: 'extra', level: 'x', more: { deep: [1, 2] } } },
    { type: 'request', payload: { target: 'mysql', query: 'SELECT 1', state: false } },
  ],
}
const camel = {
  uuid: 'scheme-2', version: 1,
  events: [
    { type: 'accessCheck', payload: { access: 'GRANT', object: 'Han', control: 'Cockpit' } },
    { type: 'email', payload: { subject: 'C', body: '<b>x</b>', from: 'a', to: ['b'], replyTo: 'camel@example.com' }, calledFrom: { relativePath: '/app/Article.php', line: 21, positionStart: 3, positionEnd: 5 } },
    { type: 'response', payload: { memoryPeak: 2500000 }, duration: 5 },
  ],
}
const body = (v) => JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? JSON.rawJSON?.(String(x)) ?? `#${x}#` : x)).replace(/"#(\d+)#"/g, '$1')

before(async () => {
  server = await serve()
  browser = await launch()
  await server.ask('POST', '/debug/schemes', body(scheme))
  await server.ask('POST', '/debug/schemes', body(camel))
  await server.append('levels', levels.map((severity, i) => ({ id: `l${i + 1}`, event_type: 'log', severity, payload: { message: severity } })))
})

const at = (type, n = 0) => scheme.events.map((e, i) => [e.type, i]).filter(([t]) => t === type)[n][1]
const show = (type, n = 0) => open(browser, server, `/e/debug/scheme-1:${at(type, n)}`)
const rendered = (page) => page.locator('.rendered')

async function check(page, does) {
  await rendered(page).waitFor()
  await does(page, rendered(page))
  assert.deepEqual(page.wrong, [])
  await page.context().close()
}

test('any: success false is highlighted; true and missing are not', async () => {
  await check(await show('query', 0), async (page) => assert.equal(await page.locator('.detail.failed .fail').innerText(), 'failed'))
  for (const n of [1, 2]) await check(await show('query', n), async (page) => assert.equal(await page.locator('.detail.failed').count(), 0))
})

test('any: no tree is seen before the renderers are there, and a tree where they cannot be fetched', async () => {
  let release
  const held = new Promise((done) => (release = done))
  const page = await open(browser, server, `/e/debug/scheme-1:${at('log', 1)}`, {
    before: (p) => p.route('**/assets/renderers.js', async (route) => {
      await held
      await route.continue()
    }),
  })
  const payload = page.getByRole('heading', { name: 'Payload' })
  await page.getByRole('heading', { name: 'Metadata' }).waitFor() // the rest of the event is there
  await page.locator('.detail .loading').waitFor()
  assert.equal(await payload.count(), 0)
  release()
  await check(page, async (_, r) => assert.match(await r.innerText(), /without/))

  const without = await open(browser, server, `/e/debug/scheme-1:${at('log', 1)}`, { before: (p) => p.route('**/assets/renderers.js', (route) => route.abort()) })
  await without.getByRole('heading', { name: 'Payload' }).waitFor()
  assert.match(await without.locator('.detail').innerText(), /message\s+without/)
  assert.deepEqual(without.wrong, [])
  await without.context().close()
})

test('any: an unknown type is shown as raw JSON, big numbers exact', async () => {
  await check(await show('cache_query'), async (_, r) => {
    const code = r.getByRole('textbox', { name: 'the payload' })
    assert.match(await code.innerText(), /"key": "menu",\s+"big": 12345678901234567890,\s+"list": \[/)
  })
})

test('any: a known type with extra keys shows them too; a malformed payload is shown as it is', async () => {
  await check(await show('log', 4), async (page, r) => {
    assert.match(await r.innerText(), /extra/)
    assert.match(await page.locator('.detail').innerText(), /More in the payload\s+level\s+x[\s\S]*deep/)
  })
  await check(await show('query', 8), async (_, r) => assert.match(await r.innerText(), /"query": 7/))
  await check(await show('email', 3), async (_, r) => assert.match(await r.innerText(), /"body": null/))
  await check(await show('request', 1), async (_, r) => assert.match(await r.innerText(), /"state": false/))
})

test('log: a colour for each of the 8 levels, and its word and bar', async () => {
  const seen = new Set()
  for (const [i, level] of levels.entries()) {
    await check(await open(browser, server, `/e/levels/l${i + 1}`), async (_, r) => {
      assert.equal(await r.locator('.log .severity').innerText(), level)
      seen.add(await r.locator('.log').evaluate((e) => getComputedStyle(e).borderLeftColor))
    })
  }
  assert.equal(seen.size, 8, 'eight colours')
})

test('log: the context is hidden until the log is clicked, in a read-only text field, as JSON', async () => {
  const page = await open(browser, server, '/?instance=debug&event=scheme-1:0')
  const field = page.getByRole('textbox', { name: 'the context' })
  const message = page.locator('.side').getByRole('button', { name: /(show|hide) the context/ })
  await message.waitFor()
  assert.equal(await field.count(), 0)
  assert.equal(await message.getAttribute('aria-expanded'), 'false')
  await message.focus()
  await page.keyboard.press('Enter')
  await field.waitFor()
  assert.equal(await field.getAttribute('aria-readonly'), 'true')
  await field.focus()
  assert.equal(await field.evaluate((e) => document.activeElement === e), true, 'it can be focused')
  await field.locator('.c-property').first().waitFor()
  assert.equal(await field.innerText(), '{"user_id": 12345, "name": "x"}')
  await message.click()
  assert.equal(await field.count(), 0)
  assert.deepEqual(page.wrong, [])
})

test('log: without a context there is nothing to click', async () => {
  await check(await show('log', 1), async (_, r) => assert.equal(await r.getByRole('button', { name: /without/ }).count(), 0))
})

test('log: the context is cut to 4096 symbols, and what is cut or invalid is highlighted all the same', async () => {
  await check(await show('log', 2), async (_, r) => {
    const field = r.getByRole('textbox', { name: 'the context' })
    assert.equal(await field.evaluate((e) => Array.from(e.textContent).length), 4096)
    assert.equal(/\ufffd/.test(await field.innerText()), false)
    assert.match(await r.innerText(), /first 4,096 of 5,009 symbols/)
  })
  await check(await show('log', 3), async (_, r) => r.locator('.c-property').first().waitFor())
})

test('query: highlighted by its syntax; not at all without one, as text, or as what nobody knows', async () => {
  for (const [n, language] of [[0, 'sql'], [1, 'none'], [2, 'json'], [3, 'markup'], [4, 'none'], [5, 'none']]) {
    await check(await show('query', n), async (_, r) => {
      const code = r.getByRole('textbox', { name: 'the query' })
      assert.equal(await code.getAttribute('data-language'), language)
      if (language === 'none') assert.equal(await code.locator('span').count(), 0)
      else await code.locator('span').first().waitFor()
      assert.equal(await code.innerText(), scheme.events[at('query', n)].payload.query)
    })
  }
})

test('query: 511 symbols are open, 512 behind a fold', async () => {
  await check(await show('query', 6), async (_, r) => assert.equal(await r.getByRole('textbox', { name: 'the query' }).isVisible(), true))
  await check(await show('query', 7), async (_, r) => {
    const code = r.getByRole('textbox', { name: 'the query' })
    assert.equal(await code.isVisible(), false)
    await r.locator('summary').focus()
    await r.page().keyboard.press('Enter')
    await code.waitFor()
    assert.equal((await code.innerText()).length, 512)
  })
})

test('request: five tables; integers, repeated keys, a method of its own, an extra key', async () => {
  await check(await show('request'), async (page, r) => {
    assert.match(await r.locator('.request-line').innerText(), /PURGE\s+\/api\/hello\?foo=bar/)
    assert.deepEqual(await r.getByRole('table', { name: 'headers' }).locator('td').allInnerTexts(), ['text/html', 'text/plain'])
    assert.deepEqual(await r.getByRole('table', { name: 'session' }).locator('td').allInnerTexts(), ['21114'])
    assert.match(await r.innerText(), /body: none/)
    assert.match(await r.getByRole('table', { name: 'cookies' }).innerText(), /PHPSESS\s+\[redacted\]/)
    assert.match(await page.locator('.detail').innerText(), /route\s+hello/)
  })
})

test('request: cookies and what signs in are masked until they are revealed', async () => {
  await server.append('other', { id: 'r1', event_type: 'request', payload: { method: 'GET', uri: '/', headers: [{ key: 'Authorization', value: 'Bearer sesame' }], cookies: [{ key: 'sid', value: 'tin' }] } })
  await check(await open(browser, server, '/e/other/r1'), async (_, r) => {
    assert.equal(/sesame|tin\b/.test(await r.innerText()), false)
    await r.getByRole('button', { name: 'Reveal Authorization' }).click()
    assert.match(await r.innerText(), /Bearer sesame/)
    assert.equal(/\btin\b/.test(await r.innerText()), false)
  })
})

test('response: the duration is the total request time; memory in decimal units; an empty payload', async () => {
  await check(await show('response', 0), async (_, r) => assert.match(await r.innerText(), /memory at its peak\s+1 MB[\s\S]*total request time\s+210 ms/))
  await check(await show('response', 1), async (_, r) => assert.match(await r.innerText(), /total request time\s+3\.4 s/))
  await check(await open(browser, server, '/e/debug/scheme-2:2'), async (_, r) => assert.match(await r.innerText(), /2\.5 MB/))
})

test('middleware and template: name, duration, location; event: its group, or that it has none', async () => {
  await check(await show('middleware'), async (_, r) => assert.match(await r.innerText(), /ThrottleRequests\s+took\s+4 ms[\s\S]*defined in\s+\/app\/Throttle\.php/))
  await check(await show('template'), async (_, r) => assert.match(await r.innerText(), /\/header\.twig/))
  await check(await show('event', 0), async (_, r) => assert.match(await r.innerText(), /kernel\s*ConsoleHandler::onCommand/))
  await check(await show('event', 1), async (_, r) => assert.match(await r.innerText(), /no group\s*alone/))
})

test('location: without a line only the path; without a project only the path, and why', async () => {
  await check(await show('middleware'), async (_, r) => assert.equal(await r.locator('.location').count(), 0))
  await check(await show('query', 0), async (_, r) => {
    await r.getByRole('button', { name: /Article\.php:21/ }).click()
    await r.getByText('webdebug.project_root').waitFor()
  })
})

test('email: who, to whom, attachments as names; the body in a read-only view, highlighted as HTML', async () => {
  await check(await show('email', 0), async (page, r) => {
    const said = await r.innerText()
    for (const want of ['Welcome', 'a@example.com', 'b@example.com, c@example.com', 'd@example.com', 'r@example.com', 'payment-info.pdf']) assert.ok(said.includes(want), want)
    assert.equal(await r.getByRole('link', { name: /payment/ }).count(), 0)
    const code = r.getByRole('textbox', { name: 'the body' })
    assert.equal(await code.getAttribute('aria-readonly'), 'true')
    await code.locator('.c-tag').first().waitFor()
    assert.equal(await code.innerText(), '<h1>Hello John</h1>')
    assert.match(await page.locator('.detail').innerText(), /priority\s+3/)
  })
  await check(await open(browser, server, '/e/debug/scheme-2:1'), async (_, r) => assert.match(await r.innerText(), /camel@example\.com/))
})

test('email: plain text is not highlighted; 1 MB opens, highlighted as far as it is read', async () => {
  await check(await show('email', 1), async (_, r) => {
    const code = r.getByRole('textbox', { name: 'the body' })
    assert.equal(await code.getAttribute('data-language'), 'none')
    assert.equal(await code.innerText(), 'just text, 1 < 2')
  })
  await check(await show('email', 2), async (_, r) => {
    await r.getByRole('textbox', { name: 'the body' }).waitFor()
    await r.getByRole('button', { name: /more characters/ }).click()
    assert.equal(await r.getByRole('textbox', { name: 'the body' }).evaluate((e) => e.textContent.length), '<p></p>'.length + 12 * 90_000)
  })
})

test('access_check: the word and its colour; object → action → control; an unknown word as it is', async () => {
  const colours = []
  for (const [n, word, question] of [[0, 'GRANT', 'user:admin → publish → article:helloWorld'], [1, 'DENIED', 'R2-D2 → access → Cockpit'], [2, 'MAYBE', 'somebody → access → something']]) {
    await check(await show('access_check', n), async (_, r) => {
      assert.match(await r.locator('.verdict').innerText(), new RegExp(word))
      assert.equal(await r.locator('.question').innerText(), question)
      colours.push(await r.locator('.verdict').evaluate((e) => getComputedStyle(e).color))
    })
  }
  assert.equal(new Set(colours).size, 3)
  await check(await open(browser, server, '/e/debug/scheme-2:0'), async (_, r) => assert.match(await r.innerText(), /GRANT\s+Han → access → Cockpit/))
})

test('the other systems: message, hook, script with source, API, VIEW, CLICK, access denied', async () => {
  await server.append('others', [
    { id: 'm', event_type: 'message.received', payload: { account_id: 'acc1', from: '+1234567890', message: 'Hello, world!', odd: 1 } },
    { id: 'h', event_type: 'hook.failed', severity: 'error', payload: { account_id: 'acc1', url: 'https://crm.example.com/x', status: 502, error: 'bad gateway', duration_ms: 84, odd: 1 } },
    { id: 's', event_type: 'script.error', severity: 'error', payload: { error: '[string "x"]:2: boom', script_source: 'local a\nerror("boom")\nend', method: 'com.example.x', input: { a: 1 }, odd: 1 } },
    { id: 'a', event_type: 'API', actor: '12', payload: { method: 'POST', route: '/query_execution/', params: { engine_id: 3 }, odd: 1 } },
    { id: 'v', event_type: 'VIEW', payload: { path: '/acme/', component: 'DATADOC', element: 'PAGE', odd: 1 } },
    { id: 'c', event_type: 'CLICK', payload: { path: '/acme/', component: 'DATADOC', element: 'RUN', aux: { a: 1 }, odd: 1 } },
    { id: 'd', event_type: 'auth.permission_denied', severity: 'error', actor: 'did:plc:eve', subject: '/admin/events', payload: { required_permission: 'events:purge', user_id: 'u1', odd: 1 } },
    { id: 'j', event_type: 'hook.failed', payload: { url: 'javascript:alert(1)', error: 'x', odd: 1 } },
  ])
  for (const [id, want] of [
    ['m', /Hello, world!\s+received[\s\S]*\+1234567890[\s\S]*acc1/], ['h', /https:\/\/crm\.example\.com\/x\s+502[\s\S]*bad gateway[\s\S]*84 ms/],
    ['s', /boom[\s\S]*com\.example\.x[\s\S]*error\("boom"\)[\s\S]*"a": 1/], ['a', /POST\s+\/query_execution\/[\s\S]*12[\s\S]*"engine_id": 3/],
    ['v', /saw\s+DATADOC › PAGE[\s\S]*\/acme\//], ['c', /clicked\s+DATADOC › RUN[\s\S]*"a": 1/], ['d', /DENIED\s+\/admin\/events[\s\S]*events:purge[\s\S]*did:plc:eve/], ['j', /javascript:alert/],
  ]) {
    await check(await open(browser, server, `/e/others/${id}`), async (page, r) => {
      assert.match(await r.innerText(), want)
      assert.match(await page.locator('.detail').innerText(), /odd\s+1/, `${id}: an extra field is seen`)
      if (id === 's') assert.match(await r.locator('.lines .here').innerText(), /2\s+error\("boom"\)/)
      if (id === 'h') assert.equal(await r.getByRole('link').first().getAttribute('href'), 'https://crm.example.com/x')
      if (id === 'j') assert.equal(await r.getByRole('link').count(), 0, 'no link that is not of the web')
    })
  }
})
