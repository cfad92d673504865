import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { counted, launch, open, rows, serve, types } from './harness.mjs'

let server, browser
const base = Date.parse('2026-03-01T10:00:00Z')

before(async () => {
  server = await serve()
  browser = await launch()
  await server.append(
    'shop',
    Array.from({ length: 60 }, (_, i) => ({
      id: `e${i}`,
      event_type: ['order.placed', 'order.paid', 'user.login'][i % 3],
      stream_id: `s${i % 5}`,
      severity: ['info', 'warning', 'error', 'debug'][i % 4],
      actor: `actor ${i % 2}`,
      timestamp: new Date(base + i * 60_000).toISOString(),
      payload: { message: `number ${i}`, n: i, deep: { big: i } },
      metadata: { tags: [`db:${['mysql', 'redis'][i % 2]}`, `Server:php_0${i % 3}`, ...(i % 10 === 0 ? ['is_production'] : [])] },
    })),
  )
  await server.append('audit', { event_type: 'only.one' })
})

test('the list has everything, the newest last, and asks for no payloads', async () => {
  const page = await open(browser, server, '/?instance=shop')
  const bodies = []
  page.on('request', (r) => r.url().endsWith('/v1/query') && bodies.push(JSON.parse(r.postData())))
  await page.reload()
  await counted(page, 60)
  assert.equal((await types(page)).at(-1), 'user.login')
  assert.match(await rows(page).last().textContent(), /number/)
  const lists = bodies.filter((q) => q.select)
  assert.ok(lists.length > 0)
  for (const q of lists) {
    assert.ok(!q.select.includes('payload') && !q.select.includes('metadata'), 'a list asks for a projection')
    assert.equal(q.total, false)
  }
  assert.deepEqual(page.wrong, [])
})

test('without an instance in the address: the last one looked at, else the first that is not system', async () => {
  const page = await open(browser, server, '/')
  await counted(page, 1)
  assert.equal(await page.locator('.instance select').inputValue(), 'audit')
  await page.locator('.instance select').selectOption('shop')
  await counted(page, 60)
  await page.goto(server.url + '/')
  await counted(page, 60)
})

test('the filter is in the address, as chips, and as the query language', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await page.locator('#query').fill('severity>=warning event_type in (order.paid, user.login)')
  await page.keyboard.press('Enter')
  await counted(page, 20)
  assert.match(page.url(), /[?&]q=severity/)
  assert.deepEqual(await page.locator('.chip > span').allTextContents(), ['severity>=warning', 'event_type in (order.paid, user.login)'])
  await page.reload()
  await counted(page, 20)
  await page.getByRole('button', { name: 'Show the filter in the query language' }).or(page.locator('.query-box button', { hasText: '{ }' })).first().click()
  const dsl = JSON.parse(await page.locator('#query').inputValue())
  assert.deepEqual(dsl, [
    { field: 'severity', operator: 'gte', value: 'warning' },
    { field: 'event_type', operator: 'in', value: ['order.paid', 'user.login'] },
  ])
  await page.locator('#query').fill('{"from":{"instance":"shop"},"where":[{"field":"payload.n","operator":"lt","value":3}]}')
  await page.keyboard.press('Enter')
  await counted(page, 3)
  assert.equal(await page.locator('#query').inputValue(), 'payload.n<3')
  await page.getByRole('button', { name: 'Drop payload.n<3' }).click()
  await counted(page, 60)
  await page.goBack()
  await counted(page, 3)
})

test('a faulty filter is told with its place, and changes nothing', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await page.locator('#query').fill('payload.n>=')
  await page.keyboard.press('Enter')
  assert.match(await page.locator('.query-fault').textContent(), /a value was expected.*character 12/)
  await counted(page, 60)
  await page.goto(server.url + '/?instance=shop&q=payload.n%20matches%20%22(%22')
  await page.getByRole('alert').first().waitFor()
  assert.match(await page.getByRole('alert').first().textContent(), /regular expression|missing|parenthes/i)
})

test('completion offers fields, operators and values that there are', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  const offers = page.locator('.offers li .mono')
  await page.locator('#query').pressSequentially('sever')
  await offers.getByText('severity', { exact: true }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.locator('#query').pressSequentially('>=warn')
  await offers.getByText('warning', { exact: true }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  assert.equal(await page.locator('#query').inputValue(), 'severity>=warning')
  await page.locator('#query').fill('')
  await page.locator('#query').pressSequentially('payload.dee')
  await offers.getByText('payload.deep.big', { exact: true }).waitFor()
  await page.locator('#query').fill('')
  await page.locator('#query').pressSequentially('event_type=order.pl')
  await offers.getByText('order.placed', { exact: true }).waitFor()
})

test('facets have counts, choose several, and say so in the filter', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  const type = page.locator('.facets details', { has: page.locator('summary', { hasText: /^Type/ }) })
  assert.match(await type.locator('label', { hasText: 'order.placed' }).textContent(), /20/)
  await type.getByRole('checkbox', { name: 'order.placed' }).check()
  await counted(page, 20)
  assert.match(await type.locator('label', { hasText: 'order.paid' }).textContent(), /20/, 'the facet itself is counted without its own choice')
  await type.getByRole('checkbox', { name: 'order.paid' }).check()
  await counted(page, 40)
  assert.equal(await page.locator('.chip > span').textContent(), 'event_type in (order.placed, order.paid)')
  await type.getByRole('button', { name: 'Clear Type' }).click()
  await counted(page, 60)
})

test('severity is a range', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  const from = page.getByRole('slider', { name: 'Severity from' })
  await from.fill('4')
  await counted(page, 30)
  assert.equal(await page.locator('.chip > span').textContent(), 'severity>=warning')
  await page.getByRole('slider', { name: 'Severity to' }).fill('4')
  await counted(page, 15)
})

test('tags: a name with values is chosen from, a flag is ticked, sorted a to z', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await page.getByRole('checkbox', { name: 'mysql' }).waitFor()
  const titles = await page.locator('.facets summary').allTextContents()
  const of = titles.map((t) => t.trim()).filter((t) => ['db', 'Server', 'Flags'].includes(t))
  assert.deepEqual(of, ['db', 'Server', 'Flags'])
  await page.getByRole('checkbox', { name: 'mysql' }).check()
  await counted(page, 30)
  await page.getByRole('checkbox', { name: 'redis' }).check()
  await counted(page, 60)
  await page.getByRole('checkbox', { name: 'php_01' }).check()
  await counted(page, 20)
  await page.getByRole('checkbox', { name: 'is_production' }).check()
  await counted(page, 2)
})

test('tags of every kind: empty parts, two colons, a flag named as a filter, any letters', async () => {
  const tags = ['db:mysql', 'db:redis', 'db:', ':bare', 'a:b:c', 'db', 'Zeta', 'beta', 'Älter', 'alpha', 'x y:z w', '']
  await server.append('tags', tags.map((tag, i) => ({ id: `t${i}`, event_type: 'tagged', payload: { nested: { deep: true } }, metadata: { tags: [tag] } })))
  const page = await open(browser, server, '/?instance=tags')
  await counted(page, tags.length)
  const facet = (title) => page.locator('.facets details', { has: page.locator('summary', { hasText: new RegExp(`^${title}\\s*$`) }) })
  const names = (title) => facet(title).locator('.name').allTextContents()
  await facet('Flags').waitFor()
  assert.deepEqual(await names('db'), ['(empty)', 'mysql', 'redis'])
  assert.deepEqual(await names('a'), ['b:c'], 'the second colon belongs to the value')
  assert.deepEqual(await names('\\(no name\\)'), ['bare'])
  assert.deepEqual(await names('Flags'), ['(empty)', 'alpha', 'Älter', 'beta', 'db', 'Zeta'])
  for (const [title, value] of [['db', '(empty)'], ['a', 'b:c'], ['Flags', 'db'], ['Flags', '(empty)'], ['x y', 'z w']]) {
    await facet(title).locator('label', { hasText: value }).getByRole('checkbox').check()
    await counted(page, 1)
    await page.goBack()
    await counted(page, tags.length)
  }
})

test('a range drawn in the histogram becomes the time; the server has counted it', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await page.locator('figure.histogram[aria-label^="Histogram: 60 events"]').waitFor()
  const plot = await page.locator('.plot .u-over').boundingBox()
  await page.mouse.move(plot.x + plot.width * 0.25, plot.y + 30)
  await page.mouse.down()
  await page.mouse.move(plot.x + plot.width * 0.75, plot.y + 40, { steps: 5 })
  await page.mouse.up()
  await page.waitForURL(/since=.*until=/)
  const url = new URL(page.url())
  const { total } = await server.query({
    from: { instance: 'shop' }, limit: 0,
    where: [{ field: 'timestamp', operator: 'gte', value: url.searchParams.get('since') }, { field: 'timestamp', operator: 'lt', value: url.searchParams.get('until') }],
  })
  assert.ok(total > 20 && total < 40, `${total} of 60 are in the middle half`)
  await counted(page, total)
  await page.locator(`figure.histogram[aria-label^="Histogram: ${total} events"]`).waitFor()
})

test('times are chosen from the menu', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await page.locator('.menu summary', { hasText: 'All time' }).click()
  await page.getByRole('button', { name: 'Last hour' }).click()
  await page.getByText('No event matches').waitFor()
  assert.match(page.url(), /since=now-1h/)
  await page.getByRole('button', { name: 'Drop filter and times' }).click()
  await counted(page, 60)
})

test('an event opens beside the list; + and − narrow by any of its values', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await rows(page).filter({ hasText: 'number 59' }).click()
  await page.locator('.side h1', { hasText: 'user.login' }).waitFor()
  assert.match(page.url(), /event=e59/)
  await page.getByRole('button', { name: 'Only events with actor actor 1' }).focus()
  await page.keyboard.press('Enter')
  await counted(page, 30)
  await page.getByRole('button', { name: 'No events with payload.n 59' }).focus()
  await page.keyboard.press('Enter')
  await counted(page, 29)
  assert.deepEqual(await page.locator('.chip > span').allTextContents(), ['actor="actor 1"', 'payload.n!=59'])
  await page.reload()
  await page.locator('.side h1', { hasText: 'user.login' }).waitFor()
  await counted(page, 29)
})

test('previous and next in stream, show in stream', async () => {
  const page = await open(browser, server, '/?instance=shop&event=e59')
  await page.locator('.side h1').waitFor()
  await page.getByRole('button', { name: /previous in stream/ }).click()
  await page.waitForURL(/event=e54/)
  await page.getByRole('button', { name: /next in stream/ }).click()
  await page.waitForURL(/event=e59/)
  await page.getByRole('link', { name: 'show in stream' }).click()
  await counted(page, 12)
  assert.match(page.url(), /q=stream_id(=|%3D)s4/)
})

test('the newest can be at the top', async () => {
  const page = await open(browser, server, '/?instance=shop')
  await counted(page, 60)
  await page.getByRole('button', { name: /newest last/ }).click()
  await page.waitForURL(/order=newest/)
  await rows(page).first().waitFor()
  assert.match((await rows(page).filter({ hasText: 'number 59' }).boundingBox()).y < (await rows(page).filter({ hasText: 'number 50' }).boundingBox()).y ? 'above' : 'below', /above/)
})

test('views are saved for everybody, in plain sight', async () => {
  const page = await open(browser, server, '/?instance=shop&q=severity%3E%3Derror')
  await counted(page, 15)
  await page.getByRole('button', { name: '+ save view' }).click()
  await page.keyboard.type('what failed')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'what failed' }).waitFor()
  const other = await open(browser, server, '/?instance=audit')
  await other.getByRole('link', { name: 'what failed' }).click()
  await counted(other, 15)
  assert.equal(await other.locator('.instance select').inputValue(), 'shop')
  other.removeAllListeners('dialog')
  other.once('dialog', (d) => d.accept())
  await other.getByRole('button', { name: 'Delete the view what failed' }).click()
  await other.getByRole('link', { name: 'what failed' }).waitFor({ state: 'detached' })
})

test('what is filtered can be taken away: as files, and as commands', async () => {
  const page = await open(browser, server, '/?instance=shop&q=payload.n%3C3', { permissions: ['clipboard-read', 'clipboard-write'], acceptDownloads: true })
  await counted(page, 3)
  const take = page.locator('.menu summary', { hasText: 'Export' })
  for (const [name, begins] of [['NDJSON', '{"id":"e0"'], ['CSV', 'id,'], ['Parquet', 'PAR1']]) {
    await take.click()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Export as ${name}` }).click()])
    const chunks = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('latin1')
    assert.ok(text.startsWith(begins), `${name} begins with ${text.slice(0, 20)}`)
    if (name === 'NDJSON') assert.equal(text.trim().split('\n').length, 3)
  }
  for (const [name, run] of [['Copy as curl', /^curl -sS .*\/v1\/query' -d '\{"from":\{"instance":"shop"\},"where":\[\{"field":"payload.n","operator":"lt","value":3\}\]\}'$/], ['Copy as firn query', /^firn query --server 'http.*' '\{"from"/]]) {
    await take.click()
    await page.getByRole('button', { name }).click()
    await page.getByText(/^Copied/).waitFor()
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), run)
  }
})
