import { instanceName } from './InstanceSwitch.tsx'
import { queryEvents } from '../api/query.ts'
import { eventPath } from '../route.ts'
import { Link } from '../ui/Link.tsx'
import { Severity } from '../ui/Severity.tsx'
import { Empty, Fault } from '../ui/State.tsx'
import { dayAndClock } from '../ui/time.ts'
import { useAsync } from '../ui/useAsync.ts'

/** The explorer; grows from here. */
export function Explorer() {
  const name = instanceName.value
  const latest = useAsync(
    async (abort) =>
      name === undefined ? [] : (await queryEvents({ instance: name, orderBy: { field: 'position', direction: 'desc' }, limit: 100, total: false }, abort)).events,
    [name],
  )
  if (latest.fault) return <Fault of={latest.fault} retry={latest.reload} />
  if (!latest.value?.length) return <Empty title={latest.busy ? 'Asking …' : 'No events yet'} />
  return (
    <ol class="plain-list">
      {latest.value.map((e) => (
        <li key={e.position}>
          <Severity of={e.severity} /> <Link href={eventPath(name ?? '', e.id)}>{e.event_type}</Link> {dayAndClock(e.timestamp)}
        </li>
      ))}
    </ol>
  )
}
