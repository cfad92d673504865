import type { Entry, Seen } from '../../api/catalog.ts'
import { Obj, printJson, type Value } from '../../api/json.ts'
import { queryEvents } from '../../api/query.ts'
import { member } from '../../explorer/known.ts'
import { Code } from '../../renderers/Code.tsx'
import { eventPath, explorerPath, withParams } from '../../route.ts'
import { Field, Fields } from '../../ui/Fields.tsx'
import { Link } from '../../ui/Link.tsx'
import { Severity } from '../../ui/Severity.tsx'
import { Fault } from '../../ui/State.tsx'
import { dayAndClock, plural } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'

const looked = 100 // events that are looked at

/** One type: what the catalog says of its payload, and what the latest events had. */
export function TypeView({ instance, entry: e, seen }: { instance: string; entry: Entry; seen: Seen | undefined }) {
  const latest = useAsync(
    (abort) =>
      queryEvents(
        { instance, where: [{ field: 'event_type', operator: 'eq', value: e.type }], select: ['id', 'timestamp', 'payload'], orderBy: { field: 'position', direction: 'desc' }, limit: looked, total: false },
        abort,
      ),
    [instance, e.type],
  )
  const last = latest.value?.events[0]
  return (
    <div class="page">
      <p>
        <Link href={withParams({ type: null })}>Event catalog</Link>
      </p>
      <h1>{e.type}</h1>
      <section class="card">
        <p>{e.description || 'The catalog does not know this type; such events are as welcome.'}</p>
        <Fields>
          <Field name="system">{e.system}</Field>
          <Field name="usually">{e.severity && <Severity of={e.severity} />}</Field>
          <Field name="subject">{e.subject}</Field>
          <Field name="comes from">{{ 'built-in': 'Firn itself', file: 'a file of yours', put: 'your own entry' }[e.origin]}</Field>
          <Field name={`in ${instance}`}>
            {seen ? <Link href={explorerPath(instance, 'event_type', e.type)}>{plural(seen.n, 'event')}</Link> : 'never seen'}
          </Field>
          <Field name="first and last">{seen && `${dayAndClock(seen.first)} – ${dayAndClock(seen.last)}`}</Field>
          <Field name="latest">{last && <Link href={eventPath(instance, last.id)}>{last.id}</Link>}</Field>
        </Fields>
      </section>
      {latest.fault ? <Fault of={latest.fault} retry={latest.reload} /> : null}
      {latest.value && <Members schema={e.schema} payloads={latest.value.events.map((one) => one.payload)} />}
      {e.schema && (
        <details class="card">
          <summary>JSON Schema of the payload</summary>
          <Code text={printJson(e.schema, '  ')} language="json" label="the schema" />
        </details>
      )}
    </div>
  )
}

interface Row {
  name: string
  type: string
  about: string
  required: boolean
  n: number
}

/** The payload's members: those of the schema, and those that the latest events had beside them. */
function Members({ schema, payloads }: { schema: Obj | undefined; payloads: readonly Obj[] }) {
  const rows = rowsOf(schema, payloads)
  if (rows.length === 0) return null
  return (
    <section class="card scroll" tabIndex={0} aria-label="Payload">
      <h2>Payload</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Member</th>
            <th scope="col">Type</th>
            <th scope="col">What it is</th>
            <th scope="col">In the latest {payloads.length > 0 ? plural(payloads.length, 'event') : 'events'}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.name}>
              <td>
                <code>{member('payload', r.name)}</code>
                {r.required && <span class="muted"> required</span>}
              </td>
              <td>{r.type}</td>
              <td>{r.about}</td>
              <td>{r.n === 0 ? <span class="muted">never</span> : r.n === payloads.length ? 'always' : `${Math.round((r.n / payloads.length) * 100)} %`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

const most = 200 // members

function rowsOf(schema: Obj | undefined, payloads: readonly Obj[]): Row[] {
  const counts = new Map<string, number>()
  for (const p of payloads) for (const [name] of p.entries) counts.set(name, (counts.get(name) ?? 0) + 1)
  const required = schema?.get('required')
  const properties = schema?.get('properties')
  const told = properties instanceof Obj ? properties.entries : []
  const rows = told.map(([name, v]): Row => ({
    name, type: typeOf(v), about: v instanceof Obj && typeof v.get('description') === 'string' ? String(v.get('description')) : '',
    required: Array.isArray(required) && (required as readonly Value[]).includes(name), n: counts.get(name) ?? 0,
  }))
  const names = new Set(told.map(([name]) => name))
  for (const [name, n] of counts) if (!names.has(name) && rows.length < most) rows.push({ name, type: '', about: schema ? 'not in the catalog' : '', required: false, n })
  return rows
}

function typeOf(v: Value): string {
  const type = v instanceof Obj ? v.get('type') : undefined
  if (typeof type === 'string') return type
  return Array.isArray(type) ? (type as readonly Value[]).join(' or ') : ''
}
