import type { FirnEvent } from '../api/event.ts'
import { DebugFacts } from './debug.tsx'
import { text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'

/** A verdict: its word, its sign, its colour. Any other word than the two is shown as it is. */
export function Verdict({ of }: { of: string }) {
  const sign = of === 'GRANT' ? '✓' : of === 'DENIED' ? '✕' : '?'
  return (
    <b class={`verdict ${of === 'GRANT' ? 'grant' : of === 'DENIED' ? 'denied' : ''}`}>
      <span aria-hidden="true">{sign}</span> {of}
    </b>
  )
}

/** Who wanted to do what with what: object → action → control. */
export function Question({ object, action, control }: { object?: string | undefined; action?: string | undefined; control?: string | undefined }) {
  const parts = [object ?? 'somebody', action ?? 'access', control ?? 'something']
  return <span class="question">{parts.join(' → ')}</span>
}

/** One check of an access list; votes of several are counted in the request view. */
function Body({ event: e }: { event: FirnEvent }) {
  return (
    <>
      <p class="line">
        <Verdict of={text(e, 'access') ?? ''} />
        <Question object={text(e, 'object')} action={text(e, 'action')} control={text(e, 'control')} />
      </p>
      <DebugFacts event={e} />
    </>
  )
}

export const access: Renderer = {
  claims: (e) => e.event_type === 'access_check' && text(e, 'access') !== undefined,
  shown: (e) => textNames(e, 'access', 'object', 'action', 'control'),
  Body,
}
