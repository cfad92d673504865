import { useEffect, useState } from 'preact/hooks'
import { send } from '../../api/http.ts'
import { instancePath, instances, loadInstances, type Instance } from '../../api/instances.ts'
import { queryCount, type Condition } from '../../api/query.ts'
import { may } from '../../api/session.ts'
import { params, setParams } from '../../route.ts'
import { say } from '../../ui/announce.tsx'
import { Fault } from '../../ui/State.tsx'
import { dayAndClock, plural } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'

const day = 86_400_000

/** How long each instance keeps its events, and what that would remove: now, or at a day to come. */
export default function RetentionPage() {
  useEffect(() => {
    document.title = 'Retention · Firn'
  }, [])
  const asOf = params.value.get('as_of') ?? ''
  const at = Number.isNaN(Date.parse(asOf)) ? undefined : Date.parse(asOf)
  return (
    <div class="page">
      <h1>Retention</h1>
      <p>
        Events go when they are older than their instance keeps them, by the time at which the log recorded them. The log looks at its start and then
        every hour. What is gone is gone for good.
      </p>
      <label>
        Preview for{' '}
        <input type="date" value={asOf} onChange={(e) => setParams({ as_of: e.currentTarget.value || null })} /> <span class="muted">{asOf ? '' : 'now'}</span>
      </label>
      <div class="card scroll" tabIndex={0} role="region" aria-label="The instances">
        <table>
          <thead>
            <tr>
              <th scope="col">Instance</th>
              <th scope="col">Keeps events for</th>
              <th scope="col">Would remove</th>
              <th scope="col">
                <span class="sr">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>{instances.value?.map((i) => <Row key={i.id} of={i} at={at} />)}</tbody>
        </table>
      </div>
      {instances.value?.some((i) => i.name === 'system') && (
        <p class="muted">
          Events of <q>system</q> about keys, access, purges and retention are protected: they stay for a year at least, and are counted when they are older. Where{' '}
          <code>EVENT_LOG_RETENTION_DAYS</code> is set, it holds for <q>system</q> instead of the number above.
        </p>
      )}
    </div>
  )
}

const isProtected = ['api_key.', 'auth.', 'event_logs.', 'retention.']

/** What a sweep at that time removes. */
function expired(i: Instance, days: number, at: number): Condition[] {
  const before = (days: number): Condition => ({ field: 'recorded_at', operator: 'lt', value: new Date(at - days * day).toISOString() })
  const longer = i.protected_days ?? 0
  const kept: Condition[] = isProtected.map((value) => ({ or: [{ not: { field: 'event_type', operator: 'starts_with', value } }, before(longer)] }))
  return longer > days ? [before(days), ...kept] : [before(days)]
}

function Row({ of: i, at }: { of: Instance; at: number | undefined }) {
  const [text, setText] = useState(String(i.retention_days))
  const [fault, setFault] = useState<unknown>()
  useEffect(() => setText(String(i.retention_days)), [i.retention_days])
  const days = /^\d{1,6}$/.test(text) ? Number(text) : undefined
  const found = useAsync(async (abort) => (days ? queryCount(i.name, expired(i, days, at ?? Date.now()), abort) : 0), [i.name, days, at])
  const changed = days !== undefined && days !== i.retention_days
  const save = async () => {
    try {
      await send('PATCH', instancePath(i.id), { retention_days: days })
      await loadInstances()
      setFault(undefined)
      say(`${i.name} keeps events ${words(days ?? 0)}`)
    } catch (e) {
      setFault(e)
    }
  }
  return (
    <tr>
      <th scope="row">{i.name}</th>
      <td>
        {may('instances:manage') ? (
          <label class="days">
            <input
              inputMode="numeric" size={5} value={text} aria-label={`Days that ${i.name} keeps events; 0 is for ever`} aria-invalid={days === undefined}
              onInput={(e) => setText(e.currentTarget.value)}
            />
            {days === undefined ? <span class="fail">a number of days, 0 for ever</span> : days === 0 ? 'for ever' : days === 1 ? 'day' : 'days'}
          </label>
        ) : (
          words(i.retention_days)
        )}
      </td>
      <td aria-live="polite">
        {found.fault ? (
          <Fault of={found.fault} />
        ) : days === 0 || days === undefined ? (
          <span class="muted">nothing</span>
        ) : found.value === undefined || found.busy ? (
          '…'
        ) : (
          <>
            {plural(found.value, 'event')} <span class="muted">recorded before {dayAndClock(new Date((at ?? Date.now()) - days * day).toISOString()).slice(0, 12)}</span>
          </>
        )}
      </td>
      <td>
        {changed && (
          <button type="button" class={found.value ? 'danger' : ''} onClick={() => void save()}>
            Keep {words(days)}
          </button>
        )}
        {fault ? <Fault of={fault} /> : null}
      </td>
    </tr>
  )
}

const words = (days: number): string => (days === 0 ? 'for ever' : plural(days, 'day'))
