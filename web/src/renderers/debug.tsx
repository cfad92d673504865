import type { FirnEvent } from '../api/event.ts'
import { instanceName } from '../explorer/InstanceSwitch.tsx'
import { Field, Fields } from '../ui/Fields.tsx'
import { Link } from '../ui/Link.tsx'
import { duration } from '../ui/time.ts'
import { Location } from './Location.tsx'
import { amount, schemeOf, texts } from './payload.ts'
import { placeOf } from './place.ts'

/** The address of a request: its scheme, at one of its events. */
export function requestPath(instance: string, scheme: string, event?: string): string {
  const parameters = new URLSearchParams({ instance, scheme })
  if (event !== undefined && event !== scheme) parameters.set('event', event)
  return `/requests?${parameters}`
}

/** What every event of a request may carry beside its payload. took names its duration, where it means something else. */
export function DebugFacts({ event: e, took = 'took' }: { event: FirnEvent; took?: string }) {
  const ms = amount(e.metadata.get('duration'))
  const scheme = schemeOf(e)
  const called = placeOf(e.metadata.get('called_from'))
  const defined = placeOf(e.metadata.get('defined_in'))
  const tags = texts(e.metadata.get('tags'))
  if (ms === undefined && !scheme && !called && !defined && !tags?.length) return null
  return (
    <Fields>
      <Field name={took}>{ms === undefined ? undefined : duration(ms)}</Field>
      <Field name="tags">{tags?.length ? <Tags of={tags} /> : undefined}</Field>
      <Field name="called from">{called && <Location place={called} what="called from" />}</Field>
      <Field name="defined in">{defined && <Location place={defined} what="defined in" />}</Field>
      <Field name="request">
        {scheme && instanceName.value !== undefined && <Link href={requestPath(instanceName.value, scheme, e.id)}>everything that happened in it</Link>}
      </Field>
    </Fields>
  )
}

export function Tags({ of }: { of: readonly string[] }) {
  return (
    <span class="tags">
      {of.map((tag, i) => (
        <code key={i}>{tag}</code>
      ))}
    </span>
  )
}
