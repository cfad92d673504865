// The pages beside the explorer: targets, keys, retention, catalog, figures.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { accessible, launch, open, serve } from './accessible.mjs'

let server, keyed, browser, dir

/** A target of a program of its own, which refuses errors until the file `well` is there. */
const plugin = (dir) => `
const { existsSync } = require('node:fs')
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { n, event } = JSON.parse(line)
  const bad = event.severity === 'error' && !existsSync(${JSON.stringify(join(dir, 'well'))})
  console.log(JSON.stringify(bad ? { refuse: n, message: '<b>too long</b> for varying(100)' } : { ack: n }))
})`

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'firn-pages-'))
  await writeFile(join(dir, 'plugin.cjs'), plugin(dir))
  await writeFile(join(dir, 'config.json'), JSON.stringify({
    targets: [
      { name: 'warehouse', type: 'exec', command: [process.execPath, join(dir, 'plugin.cjs')], start: 'beginning' },
      { name: 'reports', type: 'postgres', host: '127.0.0.1', port: 1, username: 'u', password: 'p', database: 'd', start: 'beginning' },
    ],
  }))
  server = await serve('--config', join(dir, 'config.json'))
  keyed = await serve()
  browser = await launch()
  for (const one of [server, keyed]) {
    await one.append('shop', [
      { id: 'a', event_type: 'message.received', payload: { from: '+1', message: 'Hello', extra: 1 } }, { id: 'b', event_type: 'message.received', payload: { from: '+2' } },
      { id: 'c', event_type: 'odd<type>', severity: 'error' }, { id: 'd', event_type: 'odd<type>', severity: 'error' }, { id: 'e', event_type: 'login', stream_id: 's2', severity: 'debug' },
    ])
  }
})
after(() => rm(dir, { recursive: true, force: true }))

test('targets: state in word and sign, what each is behind, its fault; dead letters, discarded one by one, tried again one by one and all', async () => {
  const page = await open(browser, server, '/targets')
  const warehouse = page.getByRole('region', { name: 'warehouse' })
  const reports = page.getByRole('region', { name: 'reports' })
  await warehouse.getByText('dead letters').first().waitFor()
  await reports.getByText('connection refused').waitFor()
  assert.match(await reports.innerText(), /↻\s+retrying[\s\S]*behind\s+5 events/)
  await warehouse.getByRole('button', { name: 'Show the dead letters' }).click()
  const letters = warehouse.getByRole('table').locator('tbody tr')
  await letters.nth(1).waitFor()
  assert.match(await letters.first().innerText(), /odd<type>\s+shop, position 3[\s\S]*<b>too long<\/b> for varying\(100\)[\s\S]*1 attempt/)
  assert.match(await letters.first().getByRole('link').getAttribute('href'), /^\/e\/shop\/c$/)
  await accessible(page)
  await server.append('spare', { event_type: 'odd<type>', severity: 'error' })
  const spare = letters.nth(2)
  await spare.getByRole('button', { name: 'Discard dead letter' }).click()
  await spare.getByRole('button', { name: 'Keep it' }).click()
  await spare.getByRole('button', { name: 'Discard dead letter' }).click()
  assert.match(await spare.innerText(), /spare, position 1/, 'asked first')
  await spare.getByRole('button', { name: 'Discard dead letter' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.querySelectorAll('.target table tbody tr').length === 2)
  assert.equal(await letters.getByText('spare').count(), 0)
  await writeFile(join(dir, 'well'), '')
  await letters.first().getByRole('button', { name: 'Try again' }).click()
  await page.waitForFunction(() => document.querySelectorAll('.target table tbody tr').length === 1)
  await warehouse.getByRole('button', { name: 'Try again now' }).focus()
  await page.keyboard.press('Enter')
  await warehouse.getByRole('button', { name: 'Hide the dead letters' }).waitFor({ state: 'detached' })
  assert.deepEqual(page.wrong, [])
})

test('targets: none', async () => {
  const page = await open(browser, await serve(), '/targets')
  await page.getByText('Events go nowhere else').waitFor()
  await accessible(page)
})

test('keys: while there is none, how the first is made', async () => {
  const page = await open(browser, server, '/keys')
  await page.getByText('firn keys create admin').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Make the key' }).count(), 0)
  await accessible(page)
})

test('keys: listed, made, shown once, revoked; by keyboard', async () => {
  const admin = /firn_[0-9A-Za-z]{40}/.exec(await keyed.command('keys', 'create', 'admin'))[0]
  const page = await open(browser, keyed, '/keys')
  await page.getByLabel('API key').fill(admin)
  await page.keyboard.press('Enter')
  await page.getByRole('cell', { name: /admin/ }).first().waitFor()
  assert.match(await page.locator('tbody tr').first().innerText(), /admin\s+yours\s+firn_\S+…\s+everything\s+every instance/)
  await page.getByLabel('Name').fill('<b>reader</b>')
  await page.getByLabel(/every instance/).uncheck()
  assert.equal(await page.getByRole('button', { name: 'Make the key' }).isDisabled(), true, 'in no instance')
  await page.getByRole('group', { name: 'In' }).getByLabel('shop').check()
  await page.getByLabel('Name').focus()
  await page.keyboard.press('Enter')
  const secret = await page.locator('.secret').innerText()
  assert.match(secret, /^firn_[0-9A-Za-z]{40}$/)
  await accessible(page)
  const answer = await fetch(`${keyed.url}/v1/session`, { headers: { Authorization: `Bearer ${secret}` } })
  assert.deepEqual(await answer.json().then(({ permissions, instances }) => ({ permissions, instances })), { permissions: ['events:read'], instances: ['shop'] })
  await page.getByRole('button', { name: 'I have it' }).click()
  assert.ok(!(await page.content()).includes(secret))
  await page.reload()
  const row = page.locator('tbody tr', { hasText: '<b>reader</b>' })
  await row.waitFor()
  assert.ok(!(await page.content()).includes(secret), 'shown once')
  await row.getByRole('button', { name: 'Revoke <b>reader</b>' }).focus()
  await page.keyboard.press('Enter')
  await row.getByRole('button', { name: /for good/ }).click()
  await row.getByText('revoked').waitFor()
  assert.equal((await fetch(`${keyed.url}/v1/session`, { headers: { Authorization: `Bearer ${secret}` } })).status, 401)
  await page.getByLabel('Name').fill('admin')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByRole('alert').getByText(/Note: other keys have this name .*firn_/).waitFor()
  assert.deepEqual(page.wrong, [])
})

test('what a key may not do is not offered: no keys, no targets, no change of retention', async () => {
  const reader = /firn_[0-9A-Za-z]{40}/.exec(await keyed.command('keys', 'create', 'only reads', '--permission', 'events:read'))[0]
  const page = await open(browser, keyed, '/retention')
  await page.getByLabel('API key').fill(reader)
  await page.keyboard.press('Enter')
  await page.getByRole('rowheader', { name: 'shop' }).waitFor()
  assert.deepEqual(await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts(), ['Events', 'Requests', 'Figures', 'Catalog', 'Retention'])
  assert.equal(await page.getByLabel(/Days that/).count(), 0)
})

test('retention: each instance, a preview while it is written and for a day to come, then kept', async () => {
  const page = await open(browser, server, '/retention')
  const days = page.getByLabel('Days that shop keeps events; 0 is for ever')
  await days.waitFor()
  const row = page.locator('tbody tr', { hasText: 'shop' })
  assert.match(await row.innerText(), /for ever[\s\S]*nothing/)
  await days.fill('9')
  await row.getByText('0 events').waitFor()
  await page.getByLabel('Preview for').fill(new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10))
  await row.getByText('5 events').waitFor()
  await days.fill('9x')
  await row.getByText('a number of days, 0 for ever').waitFor()
  await days.fill('9')
  await row.getByText('5 events').waitFor()
  await accessible(page)
  await row.getByRole('button', { name: 'Keep 9 days' }).click()
  await row.getByRole('button').waitFor({ state: 'detached' })
  assert.equal(JSON.parse(await server.ask('GET', '/v1/instances/shop')).retention_days, 9)
  assert.deepEqual(page.wrong, [])
})

test('catalog: every type with what was seen of it, unknown ones too; one type with its members and the latest events', async () => {
  const page = await open(browser, server, '/catalog?instance=shop')
  await page.getByRole('link', { name: 'odd<type>' }).waitFor()
  assert.match(await page.locator('tr', { hasText: 'message.received' }).innerText(), /A message came in\.\s+info\s+2\s/)
  assert.match(await page.locator('tr', { hasText: 'script.error' }).innerText(), /never/)
  await page.getByLabel('Find').fill('MESSAGE.')
  await page.getByText('5 types', { exact: true }).waitFor()
  await page.getByLabel('seen in shop').check()
  await page.getByText('1 type', { exact: true }).waitFor()
  await accessible(page)
  await page.getByRole('link', { name: 'message.received' }).click()
  await page.getByRole('heading', { name: 'message.received' }).waitFor()
  const members = page.getByRole('region', { name: 'Payload' }).locator('tbody tr')
  await members.nth(3).waitFor()
  assert.deepEqual((await members.allInnerTexts()).map((t) => t.replace(/\s+/g, ' ')), [
    'payload.account_id string The account that the event is about. never', 'payload.from string The sender: an international telephone number. always', 'payload.message string The text. 50 %', 'payload.extra not in the catalog 50 %',
  ])
  await accessible(page)
  await page.getByRole('link', { name: '2 events' }).click()
  await page.locator('.total').getByText('2 events', { exact: true }).waitFor()
  assert.deepEqual(page.wrong, [])
})

test('figures: what damage has taken', async () => {
  const damaged = await serve('--seal-rows', '100')
  await damaged.fill('shop', 500, (i) => ({ event_type: 'a', payload: { text: `text ${i}` } }))
  const sealed = async () => (await readdir(damaged.data, { recursive: true })).find((name) => name.endsWith('.parquet'))
  while (!(await sealed())); // the server seals by itself
  await damaged.stop()
  const segment = join(damaged.data, await sealed())
  const bytes = await readFile(segment)
  bytes.fill(0x55, bytes.length >> 2, (bytes.length * 3) >> 2)
  await writeFile(segment, bytes)
  await damaged.again()
  const { lost } = await damaged.query({ from: { instance: 'shop' }, reduce: { type: 'count', groupBy: ['payload.text'] } })
  const page = await open(browser, damaged, '/figures?instance=shop')
  await page.getByRole('alert').getByText(`Damage has taken events: positions ${lost[0].first}–${lost[0].last}.`).waitFor()
  await accessible(page)
  assert.deepEqual(page.wrong, [])
})

test('figures: what the instance holds, each a way into the explorer', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(browser, server, '/figures?instance=shop', { colorScheme })
    await page.getByText('on disk').waitFor()
    assert.match((await page.locator('dl.figures').innerText()).replace(/\s+/g, ' '), /events 5 streams 2 on disk \S+ k?B/)
    await accessible(page)
    await page.getByRole('link', { name: 'odd<type>' }).click()
    await page.locator('.total').getByText('2 events', { exact: true }).waitFor()
    assert.deepEqual(page.wrong, [])
  }
})
