import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

const dist = new URL('../../web/dist/', import.meta.url)
const html = await readFile(new URL('index.html', dist), 'utf8')
const size = async (paths) => {
  let total = 0
  for (const path of paths) total += gzipSync(await readFile(new URL(path.slice(1), dist)), { level: 9 }).length
  return total
}

/** Everything that the page loads before it is asked for more: the scripts of the HTML, and what those import at once. */
async function initial() {
  const all = new Set([...html.matchAll(/src="([^"]+\.js)"/g)].map((m) => m[1]))
  for (const path of all) {
    const text = await readFile(new URL(path.slice(1), dist), 'utf8')
    for (const [, name] of text.matchAll(/(?:import|from)\s*"\.\/([^"]+\.js)"/g)) all.add(`/assets/${name}`)
  }
  return [...all]
}

test('the first load is small: 60 KB of script, 10 KB of style, compressed', async () => {
  const scripts = await initial()
  const styles = [...html.matchAll(/href="([^"]+\.css)"/g)].map((m) => m[1])
  assert.ok(scripts.length >= 1 && styles.length === 1)
  const [script, style] = [await size(scripts), await size(styles)]
  console.log(`# first load: ${(script / 1000).toFixed(1)} kB of script, ${(style / 1000).toFixed(1)} kB of style, compressed`)
  assert.ok(script <= 60_000, `${script} bytes of script: ${scripts}`)
  assert.ok(style <= 10_000, `${style} bytes of style`)
})

test('nothing is loaded from elsewhere, and no font', async () => {
  const urls = /(?:src|href)="([^"]+)"/g
  for (const [, url] of html.matchAll(urls)) assert.match(url, /^\/assets\//)
  const css = await readFile(new URL('assets/viewer.css', dist), 'utf8')
  assert.doesNotMatch(css, /@import|@font-face|url\(/)
})
