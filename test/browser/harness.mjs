// What the browser tests share: a real server on a directory of its own, and the
// distribution's Chromium. Everything ends with the test file.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { chromium } from 'playwright-core'

const binary = process.env.FIRN_BINARY
if (!binary) throw new Error('FIRN_BINARY must be the path of a built firn; test/browser/run.sh sets it')

/** How long anything is waited for, in ms: far above what the slowest machine needs. */
export const patience = 180_000

const ends = []
after(async () => {
  for (const end of ends.reverse()) await end()
})

/** Starts `firn serve` and waits until it serves. */
export async function serve(...flags) {
  const data = await mkdtemp(join(tmpdir(), 'firn-browser-'))
  const server = new Server(data, flags)
  ends.push(() => server.close())
  await server.start('127.0.0.1:0')
  return server
}

class Server {
  constructor(data, flags) {
    Object.assign(this, { data, flags, said: '' })
  }

  async start(listen) {
    this.process = spawn(binary, ['serve', '--data', this.data, '--listen', listen, ...this.flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.ended = new Promise((done) => this.process.once('exit', done))
    this.url = await new Promise((found, failed) => {
      const read = (chunk) => {
        this.said += chunk
        const url = /on (http:\/\/[\d.:]+)/.exec(this.said)
        if (url) found(url[1])
      }
      this.process.stdout.on('data', read)
      this.process.stderr.on('data', read)
      this.ended.then(() => failed(new Error(`firn serve ended: ${this.said}`)))
    })
  }

  /** Stops the server, as an operator does. */
  async stop() {
    this.process.kill('SIGTERM')
    await this.ended
    this.said = ''
  }

  /** Serves again at the same address. */
  again() {
    return this.start(new URL(this.url).host)
  }

  async close() {
    this.process.kill('SIGKILL')
    await this.ended
    await rm(this.data, { recursive: true, force: true })
  }

  async ask(method, path, body, headers = {}) {
    const init = { method, headers: { 'Content-Type': 'application/json', ...headers } }
    if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(this.url + path, init)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : text
  }

  /** Appends one event, or several; returns their receipts. */
  async append(instance, events, headers) {
    const text = await this.ask('POST', `/v1/instances/${instance}/events?auto_create=true`, events, headers)
    return JSON.parse(text).events
  }

  /** Appends n events that make(i) describes, as NDJSON. */
  async fill(instance, n, make) {
    for (let from = 0; from < n; from += 50_000) {
      const lines = []
      for (let i = from; i < Math.min(n, from + 50_000); i++) lines.push(JSON.stringify(make(i)))
      await this.ask('POST', `/v1/instances/${instance}/events?auto_create=true`, lines.join('\n') + '\n', { 'Content-Type': 'application/x-ndjson' })
    }
  }

  async query(q) {
    return JSON.parse(await this.ask('POST', '/v1/query', q))
  }

  /** Runs a command of firn on the server's directory, over its socket; returns what it prints. */
  async command(...args) {
    const run = spawn(binary, [...args, '--data', this.data], { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    run.stdout.on('data', (chunk) => (out += chunk))
    run.stderr.on('data', (chunk) => (out += chunk))
    const code = await new Promise((done) => run.once('exit', done))
    if (code !== 0) throw new Error(`firn ${args.join(' ')}: exit code ${code}: ${out}`)
    return out
  }
}

/** Starts a browser for the tests of a file. */
export async function launch() {
  const browser = await chromium.launch({ executablePath: process.env.FIRN_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'], timeout: patience })
  ends.push(() => browser.close())
  return browser
}

/**
 * A page that keeps account of what must not happen: faults of its scripts,
 * violations of the policy, dialogs, requests to anywhere but the server. What
 * before does with it comes before it goes to the path.
 */
export async function open(browser, server, path, { before, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', ...options })
  context.setDefaultTimeout(patience)
  const page = await context.newPage()
  page.wrong = []
  page.on('pageerror', (e) => page.wrong.push(`fault: ${e.message}`))
  page.on('dialog', (d) => {
    page.wrong.push(`dialog: ${d.message()}`)
    void d.dismiss()
  })
  page.on('request', (r) => {
    if (!r.url().startsWith(server.url)) page.wrong.push(`request: ${r.url()}`)
  })
  page.on('console', (m) => {
    if (m.type() === 'error' && /Content.Security|Trusted|violat/i.test(m.text())) page.wrong.push(`policy: ${m.text()}`)
  })
  await before?.(page)
  await page.goto(server.url + path)
  return page
}

/** Waits until the list has said how many events there are. */
export async function counted(page, n) {
  const text = `${n.toLocaleString('en-GB')} event${n === 1 ? '' : 's'}`
  await page.locator('.total').getByText(text, { exact: true }).waitFor()
}

export const rows = (page) => page.locator('.row')

/** The texts of the visible rows' types, from top to bottom. */
export async function types(page) {
  const all = await page.locator('.row').evaluateAll((found) =>
    found
      .map((row) => [row.getBoundingClientRect().top, row.querySelector('.type')?.textContent])
      .sort((a, b) => a[0] - b[0])
      .map(([, type]) => type),
  )
  return all
}
