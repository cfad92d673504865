import type { FirnEvent } from '../api/event.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { bytes } from '../ui/time.ts'
import { DebugFacts } from './debug.tsx'
import { amount, inScheme } from './payload.ts'
import type { Renderer } from './registry.ts'

const memory = (e: FirnEvent): string | undefined => ['memory_peak', 'memoryPeak'].find((name) => amount(e.payload.get(name)) !== undefined)

/** The end of a request: how long all of it took, how much memory it had at most. */
function Body({ event: e }: { event: FirnEvent }) {
  const name = memory(e)
  return (
    <>
      {name && (
        <Fields>
          <Field name="memory at its peak">{bytes(amount(e.payload.get(name)) ?? 0)}</Field>
        </Fields>
      )}
      <DebugFacts event={e} took="total request time" />
    </>
  )
}

export const response: Renderer = {
  claims: (e) => e.event_type === 'response' && (inScheme(e) || memory(e) !== undefined),
  shown: (e) => [memory(e) ?? []].flat(),
  Body,
}
