import { useState } from 'preact/hooks'
import { importance, type FirnEvent } from '../api/event.ts'
import { Obj, printJson } from '../api/json.ts'
import { path } from '../route.ts'
import { Severity } from '../ui/Severity.tsx'
import { count } from '../ui/time.ts'
import { Code } from './Code.tsx'
import { DebugFacts } from './debug.tsx'
import { text } from './payload.ts'
import type { Renderer } from './registry.ts'
import { firstSymbols, symbols } from './symbols.ts'

export const longestContext = 4096 // symbols

/** The context: free-form JSON in a string; what is JSON itself is taken too. */
export function contextOf(e: FirnEvent): string | undefined {
  const v = e.payload.get('context')
  if (typeof v === 'string') return v === '' ? undefined : v
  return v instanceof Obj ? printJson(v, '  ') : undefined
}

/** A log message, coloured by its level; its context comes when the message is clicked. */
function Body({ event: e }: { event: FirnEvent }) {
  const [open, setOpen] = useState(path.peek().startsWith('/e/'))
  const context = contextOf(e)
  const message = text(e, 'message') ?? ''
  return (
    <>
      <div class={`log s${importance(e.severity)}`}>
        <Severity of={e.severity} />
        {context === undefined ? (
          <p class="message">{message}</p>
        ) : (
          <button type="button" class="message fold" aria-expanded={open} onClick={() => setOpen(!open)}>
            <i aria-hidden="true" />
            <span>{message}</span>
            <span class="sr">, {open ? 'hide' : 'show'} the context</span>
          </button>
        )}
      </div>
      {open && context !== undefined && <Context of={context} />}
      <DebugFacts event={e} />
    </>
  )
}

export function Context({ of }: { of: string }) {
  const shown = firstSymbols(of, longestContext)
  return (
    <div>
      <Code text={shown} language="json" label="the context" />
      {shown.length < of.length && (
        <p class="muted">
          The first {count(longestContext)} of {count(symbols(of))} symbols; raw has all of them.
        </p>
      )}
    </div>
  )
}

export const log: Renderer = {
  claims: (e) => e.event_type === 'log' && text(e, 'message') !== undefined,
  shown: (e) => (contextOf(e) === undefined ? ['message'] : ['message', 'context']),
  Body,
}
