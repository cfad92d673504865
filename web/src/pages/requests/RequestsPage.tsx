import { useEffect, useState } from 'preact/hooks'
import { instanceName } from '../../explorer/InstanceSwitch.tsx'
import { filter, filterText, instant, since, timeConditions, until } from '../../explorer/scope.ts'
import { TimeRange } from '../../explorer/TimeRange.tsx'
import { requestPath } from '../../renderers/debug.tsx'
import { params, setParams } from '../../route.ts'
import { Link } from '../../ui/Link.tsx'
import { Empty, Fault } from '../../ui/State.tsx'
import { count, dayAndClock, duration, plural } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'
import { loadRequests, loadTotals } from './load.ts'
import { RequestView } from './RequestView.tsx'
import { Totals } from './Totals.tsx'

const page = 50

/** The requests of web applications: the list of them, or one. */
export default function RequestsPage() {
  const instance = instanceName.value
  const scheme = params.value.get('scheme')
  useEffect(() => {
    document.title = `Requests · ${instance ?? ''} · Firn`
  }, [instance])
  if (instance === undefined) return <div class="loading" aria-busy="true" />
  if (scheme) return <RequestView key={scheme} instance={instance} scheme={scheme} />
  return <List instance={instance} />
}

function List({ instance }: { instance: string }) {
  const { where, fault } = filter.value
  const iso = (text: string) => {
    const t = instant(text, Date.now())
    return t === undefined ? '' : new Date(t).toISOString()
  }
  const scope = [filterText.value, since.value, until.value]
  const times = () => timeConditions(iso(since.value), iso(until.value))
  const offset = Number(params.value.get('from')) || 0
  const found = useAsync((abort) => loadRequests(instance, times(), page, offset, abort), [instance, since.value, until.value, offset])
  const totals = useAsync((abort) => loadTotals(instance, [...where, ...times()], abort), [instance, ...scope])
  return (
    <div class="page">
      <div class="heading">
        <h1>Requests</h1>
        <TimeRange />
      </div>
      <section class="card" aria-label="Queries">
        <h2>Queries by target</h2>
        <QueryFilter fault={fault?.message} />
        {totals.fault ? <Fault of={totals.fault} retry={totals.reload} /> : totals.value && <Totals of={totals.value} />}
      </section>
      {found.fault ? <Fault of={found.fault} retry={found.reload} /> : null}
      {found.value && (found.value.total === 0 ? <None instance={instance} /> : <Table instance={instance} of={found.value.requests} />)}
      {found.value && found.value.total > page && <Pages offset={offset} total={found.value.total} />}
    </div>
  )
}

/** Which queries the totals are of, in the language of the explorer. */
function QueryFilter({ fault }: { fault: string | undefined }) {
  const [text, setText] = useState(filterText.value)
  return (
    <form
      class="row-form"
      onSubmit={(e) => {
        e.preventDefault()
        setParams({ q: text })
      }}
    >
      <label>
        Of all queries, those with{' '}
        <input value={text} size={40} placeholder="stream_id=shop metadata.duration>100" aria-invalid={fault !== undefined} onInput={(e) => setText(e.currentTarget.value)} />
      </label>
      <button type="submit">Count</button>
      {fault && <span class="fail">{fault}</span>}
    </form>
  )
}

function None({ instance }: { instance: string }) {
  return (
    <Empty title="No requests here">
      <p>
        The instance <q>{instance}</q> holds no schemes of the web debug protocol{since.value || until.value ? ' in these times' : ''}. An application sends one for
        each request to <code>/debug/schemes</code>; they go to the instance <q>debug</q>.
      </p>
    </Empty>
  )
}

function Table({ instance, of }: { instance: string; of: readonly import('./load.ts').Request[] }) {
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label="The requests">
      <table>
        <thead>
          <tr>
            <th scope="col">Request</th>
            <th scope="col">Application</th>
            <th scope="col">Time</th>
            <th scope="col" class="number">Took</th>
            <th scope="col" class="number">Events</th>
            <th scope="col">Failed</th>
          </tr>
        </thead>
        <tbody>
          {of.map((r) => (
            <tr key={r.scheme} class={r.failures > 0 ? 'failed' : undefined}>
              <td>
                <Link href={requestPath(instance, r.scheme)}>{r.title || r.scheme}</Link>
              </td>
              <td>{r.app}</td>
              <td>{dayAndClock(r.timestamp)}</td>
              <td class="number">{r.duration === undefined ? '' : duration(r.duration)}</td>
              <td class="number">{count(r.events)}</td>
              <td>{r.failures > 0 && <b class="fail">{plural(r.failures, 'event')} failed</b>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Pages({ offset, total }: { offset: number; total: number }) {
  return (
    <div class="actions">
      <button type="button" disabled={offset === 0} onClick={() => setParams({ from: offset > page ? String(offset - page) : null })}>
        Later
      </button>
      <button type="button" disabled={offset + page >= total} onClick={() => setParams({ from: String(offset + page) })}>
        Earlier
      </button>
      <span class="muted">
        {count(offset + 1)}–{count(Math.min(total, offset + page))} of {plural(total, 'request')}
      </span>
    </div>
  )
}
