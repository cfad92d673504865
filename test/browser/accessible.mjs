// What tests of pages share, beside the harness.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

export * from './harness.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Fails where axe has a finding, of whatever weight, by the rules of WCAG 2.2 AA. */
export async function accessible(page) {
  // Through the debugger: the page's own policy lets no script in.
  await page.evaluate(axe + '\n;0')
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] }))
  assert.deepEqual(found.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).slice(0, 3).join(' | ')}`), [])
}
