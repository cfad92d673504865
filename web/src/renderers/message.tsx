import { category, type FirnEvent } from '../api/event.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { Text } from '../detail/Tree.tsx'
import { text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'

const facts = ['from', 'to', 'sender_name', 'chat', 'group_name', 'account_id', 'message_id', 'error'] as const

/** A message of a gateway: who to whom, and the text as a bubble. */
function Body({ event: e }: { event: FirnEvent }) {
  const said = text(e, 'message', 'text')
  const step = e.event_type.slice(e.event_type.indexOf('.') + 1)
  return (
    <>
      {said !== undefined && (
        <blockquote class={`bubble ${step === 'received' ? 'in' : 'out'}`}>
          <Text text={said} />
          <footer class="muted">{step}</footer>
        </blockquote>
      )}
      <Fields>
        {facts.map((name) => (
          <Field key={name} name={name.replaceAll('_', ' ')}>
            {text(e, name)}
          </Field>
        ))}
      </Fields>
    </>
  )
}

export const message: Renderer = {
  claims: (e) => category(e.event_type) === 'message' && textNames(e, 'message', 'text', 'from').length > 0,
  shown: (e) => textNames(e, ...(text(e, 'message') === undefined ? ['text'] : ['message']), ...facts),
  Body,
}
