// Prism's core and four grammars, for everything that is highlighted. Prism takes
// texts apart; the page makes elements of the parts itself (Code.tsx), so that no
// text becomes markup.
import './manual.ts'
import Prism from './prism.ts'
import 'prismjs/components/prism-markup.js'
import 'prismjs/components/prism-clike.js'
import 'prismjs/components/prism-sql.js'
import 'prismjs/components/prism-json.js'
import type { Language, Part } from './language.ts'

/** Takes a text apart by a grammar. Faulty text is fine: what fits nothing is plain. */
export function parts(text: string, language: Language): Part[] {
  const out: Part[] = []
  const grammar = Prism.languages[language]
  if (!grammar) return [{ kind: undefined, text }]
  flatten(Prism.tokenize(text, grammar), undefined, out)
  return out
}

function flatten(all: readonly (string | Prism.Token)[], kind: string | undefined, to: Part[]): void {
  for (const one of all) {
    if (typeof one === 'string') to.push({ kind, text: one })
    else if (typeof one.content === 'string') to.push({ kind: one.type, text: one.content })
    else flatten(Array.isArray(one.content) ? one.content : [one.content], one.type, to)
  }
}
