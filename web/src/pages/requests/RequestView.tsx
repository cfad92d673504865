import { useMemo } from 'preact/hooks'
import type { FirnEvent } from '../../api/event.ts'
import { getEvent } from '../../api/instances.ts'
import { Detail } from '../../detail/Detail.tsx'
import { summaryOf } from '../../explorer/summary.ts'
import { params, setParams } from '../../route.ts'
import { Boundary } from '../../ui/Boundary.tsx'
import { Link } from '../../ui/Link.tsx'
import { Empty, Fault } from '../../ui/State.tsx'
import { dayAndClock, duration, plural } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'
import { Ballots, Findings } from './Advice.tsx'
import { chosen, Filters } from './Filters.tsx'
import { findingsOf } from './findings.ts'
import { loadScheme, requestTime } from './load.ts'
import { filtersOf, matchesTags } from './tags.ts'
import { Totals } from './Totals.tsx'
import { totalsOf } from './totals.ts'
import { flat, importanceOf, pruned, treeOf } from './tree.ts'
import { ballotsOf } from './votes.ts'
import { Waterfall } from './Waterfall.tsx'

/** Everything that happened in one request: its tree in time, what it cost, what looks needless, who was let in. */
export function RequestView({ instance, scheme }: { instance: string; scheme: string }) {
  const found = useAsync((abort) => loadScheme(instance, scheme, abort), [instance, scheme])
  if (found.fault) return <Fault of={found.fault} retry={found.reload} />
  if (!found.value) return <div class="loading" aria-busy="true" />
  if (found.value.length === 0) {
    return (
      <Empty title="There is no such request">
        <p>
          The instance <q>{instance}</q> holds no scheme <code>{scheme}</code>. It may be older than the instance keeps.
        </p>
        <Link href={`/requests?instance=${encodeURIComponent(instance)}`}>To the requests of {instance}</Link>
      </Empty>
    )
  }
  return <Whole instance={instance} scheme={scheme} events={found.value} />
}

function Whole({ instance, scheme, events }: { instance: string; scheme: string; events: readonly FirnEvent[] }) {
  const { tags, low, high } = chosen()
  const selected = params.value.get('event') ?? ''
  const whole = useMemo(() => treeOf(events), [events])
  const keep = (e: FirnEvent) => matchesTags(e, tags) && importanceOf(e) >= low && importanceOf(e) <= high
  const tree = pruned(whole, keep)
  const kept = flat(tree).map((n) => n.event).filter(keep)
  const all = flat(whole).map((n) => n.event)
  const asked = all.find((e) => e.event_type === 'request')
  const ms = requestTime(all)
  const failures = all.filter((e) => e.metadata.get('success') === false).length
  return (
    <div class={`request-view${selected ? ' with-side' : ''}`}>
      <div class="request-main">
        <header>
          <p>
            <Link href={`/requests?instance=${encodeURIComponent(instance)}`}>Requests</Link>
          </p>
          <h1>{asked ? summaryOf(asked) : scheme}</h1>
          <p class="line muted">
            <span>{events[0]?.stream_id}</span>
            {events[0] && <time dateTime={events[0].timestamp}>{dayAndClock((asked ?? events[0]).timestamp)}</time>}
            <span>{plural(all.length, 'event')}</span>
            {ms !== undefined && (
              <b class="took">
                total request time {duration(ms)}
              </b>
            )}
            {failures > 0 && <b class="fail">{plural(failures, 'event')} failed</b>}
          </p>
        </header>
        <Filters of={filtersOf(all)} shown={kept.length} total={all.length} />
        <Waterfall tree={tree} whole={whole} selected={selected} />
        <div class="advice">
          <section class="card">
            <h2>Queries by target</h2>
            <Totals of={totalsOf(kept)} />
          </section>
          <Findings of={findingsOf(tree)} />
          <Ballots of={ballotsOf(kept)} />
        </div>
      </div>
      {selected && (
        <aside class="side" aria-label="The event">
          <Beside key={selected} instance={instance} id={selected} />
        </aside>
      )}
    </div>
  )
}

function Beside({ instance, id }: { instance: string; id: string }) {
  const found = useAsync((abort) => getEvent(instance, id, abort), [instance, id])
  if (found.fault) return <Fault of={found.fault} retry={found.reload} />
  if (!found.value) return <div class="loading" aria-busy="true" />
  return (
    <Boundary of="this event" key={id}>
      <Detail instance={instance} event={found.value} close={() => setParams({ event: null })} />
    </Boundary>
  )
}
