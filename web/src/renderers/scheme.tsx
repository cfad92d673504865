import type { FirnEvent } from '../api/event.ts'
import { printJson } from '../api/json.ts'
import { Code } from './Code.tsx'
import { DebugFacts } from './debug.tsx'
import { amount, inScheme } from './payload.ts'
import type { Renderer } from './registry.ts'

/** A request as a whole, before its events. */
export const scheme: Renderer = {
  claims: (e) => e.event_type === 'scheme' && inScheme(e),
  shown: [],
  Body: ({ event: e }: { event: FirnEvent }) => (
    <>
      <p>{amount(e.payload.get('events')) ?? 'Some'} events of one request.</p>
      <DebugFacts event={e} />
    </>
  ),
}

/** An event of a request whose type nobody has told of: its payload as it came. */
export const unknownInScheme: Renderer = {
  claims: inScheme,
  shown: (e) => e.payload.entries.map(([key]) => key),
  Body: ({ event: e }: { event: FirnEvent }) => (
    <>
      <Code text={printJson(e.payload, '  ')} language="json" label="the payload" />
      <DebugFacts event={e} />
    </>
  ),
}
