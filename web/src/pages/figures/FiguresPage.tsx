import { useEffect } from 'preact/hooks'
import { importance, severities } from '../../api/event.ts'
import { getPlain } from '../../api/http.ts'
import { instancePath } from '../../api/instances.ts'
import { instance, instanceName } from '../../explorer/InstanceSwitch.tsx'
import { explorerPath } from '../../route.ts'
import { Figure } from '../../ui/Figure.tsx'
import { Link } from '../../ui/Link.tsx'
import { Severity } from '../../ui/Severity.tsx'
import { Fault } from '../../ui/State.tsx'
import { bytes, count, dayAndClock } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'

interface Stats {
  events: number
  streams: number
  bytes_on_disk: number
  first_timestamp: string | null
  last_timestamp: string | null
  by_type: Record<string, number>
  by_severity: Record<string, number>
  lost?: { first: number; last: number }[]
}

/** What an instance holds, in figures. */
export default function FiguresPage() {
  const name = instanceName.value
  const found = useAsync(async (abort) => (name === undefined ? undefined : getPlain<Stats>(`${instancePath(name)}/stats`, abort)), [name])
  useEffect(() => {
    document.title = `Figures · ${name ?? ''} · Firn`
  }, [name])
  return (
    <div class="page">
      <h1>{name}</h1>
      {instance.value?.description && <p>{instance.value.description}</p>}
      {found.fault ? <Fault of={found.fault} retry={found.reload} /> : null}
      {found.value && name !== undefined && <All of={found.value} name={name} />}
    </div>
  )
}

function All({ of: s, name }: { of: Stats; name: string }) {
  const keeps = instance.value?.retention_days ?? 0
  return (
    <>
      <dl class="figures card">
        <Figure name="events">{count(s.events)}</Figure>
        <Figure name="streams">{count(s.streams)}</Figure>
        <Figure name="on disk">{bytes(s.bytes_on_disk)}</Figure>
        {s.events > 0 && <Figure name="each event">{bytes(Math.round(s.bytes_on_disk / s.events))}</Figure>}
        <Figure name="first event">{s.first_timestamp ? dayAndClock(s.first_timestamp) : 'none'}</Figure>
        <Figure name="last event">{s.last_timestamp ? dayAndClock(s.last_timestamp) : 'none'}</Figure>
        <Figure name="kept for">{keeps === 0 ? 'ever' : `${count(keeps)} days`}</Figure>
        <Figure name="validation">{instance.value?.validation}</Figure>
      </dl>
      {s.lost && s.lost.length > 0 && (
        <p class="notice error" role="alert">
          Damage has taken events: positions {s.lost.map((r) => `${r.first}–${r.last}`).join(', ')}.
        </p>
      )}
      <section class="card">
        <h2>By severity</h2>
        <Shares
          of={severities.flatMap((word) => (s.by_severity[word] ? [[word, s.by_severity[word]] as const] : []))}
          show={(word) => <Severity of={word} />} colour={(word) => `s${importance(word)}`} to={(word) => explorerPath(name, 'severity', word)}
        />
      </section>
      <section class="card">
        <h2>By type</h2>
        <Shares of={Object.entries(s.by_type).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))} show={(type) => type} colour={() => ''} to={(type) => explorerPath(name, 'event_type', type)} />
      </section>
    </>
  )
}

interface SharesProps {
  of: readonly (readonly [string, number])[]
  show: (value: string) => preact.ComponentChildren
  colour: (value: string) => string
  to: (value: string) => string
}

function Shares({ of, show, colour, to }: SharesProps) {
  const max = Math.max(1, ...of.map(([, n]) => n))
  if (of.length === 0) return <p class="muted">none</p>
  return (
    <table class="shares">
      <tbody>
        {of.map(([value, n]) => (
          <tr key={value}>
            <th scope="row">
              <Link href={to(value)}>{show(value)}</Link>
            </th>
            <td class="number">{count(n)}</td>
            <td class={colour(value)} aria-hidden="true">
              <i class="extent" style={{ width: `${(n / max) * 100}%` }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
