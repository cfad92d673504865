import type { FirnEvent } from '../api/event.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { text, textNames } from './payload.ts'
import { Verdict } from './access.tsx'
import type { Renderer } from './registry.ts'

/** Somebody who was not let in: what they wanted, and the permission they lack. */
function Body({ event: e }: { event: FirnEvent }) {
  const times = text(e, 'count')
  return (
    <>
      <p class="line">
        <Verdict of="DENIED" />
        <code>{e.subject}</code>
        {times !== undefined && times !== '1' && <span>{times} times</span>}
      </p>
      <Fields>
        <Field name="lacks the permission">{text(e, 'required_permission') && <code>{text(e, 'required_permission')}</code>}</Field>
        <Field name="who">{e.actor}</Field>
        <Field name="key or user">{text(e, 'user_id')}</Field>
      </Fields>
    </>
  )
}

export const denied: Renderer = {
  claims: (e) => e.event_type === 'auth.permission_denied',
  shown: (e) => textNames(e, 'required_permission', 'user_id', 'count'),
  Body,
}
