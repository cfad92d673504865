import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { severities } from '../api/event.ts'
import { colours } from '../theme.ts'
import { compact, count, dayAndClock } from '../ui/time.ts'
import type { Buckets } from './buckets.ts'

interface Props {
  buckets: Buckets
  zoom(from: number, to: number): void
}

const height = 96

/** The drawing of the histogram; in a chunk of its own with uPlot. */
export default function Plot({ buckets, zoom }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const shown = useRef(buckets)
  const [at, setAt] = useState<number | null>(null)
  const colour = colours.value
  shown.current = buckets
  useEffect(() => {
    const element = place.current
    if (!element) return
    const made = new uPlot(options(element.clientWidth, () => shown.current, zoom, setAt), stacked(shown.current), element)
    plot.current = made
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      made.destroy()
      plot.current = undefined
    }
  }, [colour])
  useEffect(() => plot.current?.setData(stacked(buckets)), [buckets])
  return (
    <>
      <div ref={place} class="plot" />
      {at !== null && <Bucket of={buckets} at={at} />}
    </>
  )
}

/** The counts of the bucket beneath the pointer, in words. */
function Bucket({ of: b, at }: { of: Buckets; at: number }) {
  const start = b.starts[at]
  if (start === undefined) return null
  const parts = b.counts.map((row, n) => [n, row[at] ?? 0] as const).filter(([, c]) => c > 0)
  return (
    <div class="bucket">
      <strong>{dayAndClock(new Date(start).toISOString()).replace(/\.000$/, '')}</strong>
      {parts.length === 0 && <span class="muted">none</span>}
      {parts.reverse().map(([n, c]) => (
        <span class={`s${n}`} key={n}>
          {n === 0 ? 'unknown' : severities[n - 1]} {count(c)}
        </span>
      ))}
    </div>
  )
}

/** The most severe lie at the bottom, where few of them are seen too. Each series is drawn over the sum of those above it. */
function stacked(b: Buckets): uPlot.AlignedData {
  const rows: number[][] = []
  let sum = b.starts.map(() => 0)
  for (const n of order) {
    const row = b.counts[n] ?? []
    sum = sum.map((s, i) => s + (row[i] ?? 0))
    rows.unshift(sum)
  }
  return [b.starts.map((t) => t / 1000), ...rows]
}

const order = [8, 7, 6, 5, 4, 3, 2, 1, 0]

const hours = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const seconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const days = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' })
const years = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', year: 'numeric' })

/** The labels of the time axis: as exact as its ticks are apart, with the day where it changes. */
function axisTimes(at: readonly number[], b: Buckets): string[] {
  const apart = ((at[1] ?? 0) - (at[0] ?? 0)) * 1000
  const long = b.to - b.from > 300 * 86400e3
  let before = ''
  return at.map((t) => {
    const d = new Date(t * 1000)
    if (apart >= 86400e3) return long ? years.format(d) : days.format(d)
    const day = days.format(d)
    const time = apart < 60e3 ? seconds.format(d) : hours.format(d)
    const changed = before !== '' && day !== before
    before = day
    return changed ? `${day} ${time}` : time
  })
}

function options(width: number, shown: () => Buckets, zoom: Props['zoom'], hover: (at: number | null) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  // A probe resolves light-dark(), which a canvas does not understand.
  const probe = document.createElement('span')
  document.body.append(probe)
  const colour = (name: string) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const axis = { stroke: colour('--muted'), font: `11px ${style.getPropertyValue('--sans')}`, ticks: { show: false } }
  const grid = { stroke: colour('--line'), width: 1 }
  const bars = uPlot.paths.bars!({ size: [0.9, 60], align: 1, gap: 1 })
  const made: uPlot.Options = {
    width, height,
    padding: [6, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: () => [shown().from / 1000, shown().to / 1000] },
      y: { range: (_, __, max) => [0, Math.max(1, max) * 1.05] },
    },
    axes: [
      { ...axis, size: 22, gap: 4, space: 90, grid: { show: false }, values: (_, at) => axisTimes(at, shown()) },
      { ...axis, size: 48, gap: 4, space: 26, grid, values: (_, all) => all.map((v) => (Number.isInteger(v) ? compact(v) : '')) },
    ],
    series: [{}, ...[...order].reverse().map((n) => ({ fill: colour(`--s${n}`), width: 0, paths: bars, points: { show: false } }))],
    hooks: {
      setCursor: [(u) => hover(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 3) return
          zoom(u.posToVal(u.select.left, 'x') * 1000, u.posToVal(u.select.left + u.select.width, 'x') * 1000)
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
    },
  }
  probe.remove()
  return made
}
