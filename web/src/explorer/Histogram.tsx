import { lazy } from '../ui/Lazy.tsx'
import { compact, count, dayAndClock } from '../ui/time.ts'
import { bucketsOf } from './buckets.ts'
import { useFigures } from './figures.ts'
import { setParams } from '../route.ts'

const Plot = lazy(() => import('./Plot.tsx'))

/** The result over time, stacked by severity, counted by the server; a range that is drawn is looked at closer. */
export function Histogram() {
  const { value: b, busy, fault } = useFigures((now, abort) => bucketsOf(now, 120, abort))
  const zoom = (from: number, to: number) =>
    setParams({ since: new Date(Math.floor(from)).toISOString(), until: new Date(Math.ceil(to)).toISOString() })
  const label = b ? `${count(b.total)} events from ${dayAndClock(new Date(b.from).toISOString())} to ${dayAndClock(new Date(b.to).toISOString())}` : ''
  return (
    <figure class="histogram" aria-label={`Histogram: ${label}`} aria-busy={busy}>
      {b && b.starts.length > 0 ? <Plot buckets={b} zoom={zoom} /> : <p class="muted">{fault ? 'The histogram could not be computed.' : busy ? '' : 'No events, no histogram.'}</p>}
      {b && <figcaption class="sr">{`${compact(b.total)} events. ${label}. Draw with the pointer, or use the times above, to look closer.`}</figcaption>}
    </figure>
  )
}
