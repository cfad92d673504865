import type { FirnEvent } from '../api/event.ts'
import { DebugFacts } from './debug.tsx'
import { text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'

/** What has a name, and took its time somewhere: middleware, a template, a listener in its group. */
function Body({ event: e }: { event: FirnEvent }) {
  const group = text(e, 'group')
  return (
    <>
      <p class="line">
        {e.event_type === 'event' && <span class="tags">{group ? <code>{group}</code> : <span class="muted">no group</span>}</span>}
        <code class="name">{text(e, 'name')}</code>
      </p>
      <DebugFacts event={e} />
    </>
  )
}

export const named: Renderer = {
  claims: (e) => /^(middleware|template|event)$/.test(e.event_type) && text(e, 'name') !== undefined,
  shown: (e) => (e.event_type === 'event' ? textNames(e, 'name', 'group') : ['name']),
  Body,
}
