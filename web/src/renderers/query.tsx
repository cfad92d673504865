import type { FirnEvent } from '../api/event.ts'
import { count } from '../ui/time.ts'
import { Code } from './Code.tsx'
import { DebugFacts } from './debug.tsx'
import type { Language } from './language.ts'
import { text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'
import { firstSymbols, symbols } from './symbols.ts'

const languages: Readonly<Record<string, Language>> = { sql: 'sql', json: 'json', xml: 'markup' }

/** What a query is highlighted as: what its syntax says, and nothing where it says nothing. */
export function languageOfQuery(e: FirnEvent): Language | undefined {
  const syntax = e.payload.get('syntax')
  return typeof syntax === 'string' && Object.hasOwn(languages, syntax) ? languages[syntax] : undefined
}

export const foldedFrom = 512 // symbols

/** A query to a database, a cache, a service; a long one behind a fold. */
function Body({ event: e }: { event: FirnEvent }) {
  const query = text(e, 'query') ?? ''
  const n = symbols(query)
  const code = <Code text={query} language={languageOfQuery(e)} label="the query" />
  return (
    <>
      <p class="line">
        <b>{text(e, 'target') ?? 'no target'}</b>
        {text(e, 'syntax') && <span class="muted">{text(e, 'syntax')}</span>}
      </p>
      {n >= foldedFrom ? (
        <details class="cut">
          <summary>
            <code>{firstSymbols(query, 160).replace(/\s+/g, ' ')}…</code> <span class="muted">{count(n)} symbols</span>
          </summary>
          {code}
        </details>
      ) : (
        code
      )}
      <DebugFacts event={e} />
    </>
  )
}

export const query: Renderer = {
  claims: (e) => e.event_type === 'query' && typeof e.payload.get('query') === 'string',
  shown: (e) => textNames(e, 'query', 'target', 'syntax'),
  Body,
}
