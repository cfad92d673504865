import { importance } from '../api/event.ts'
import { getPlain } from '../api/http.ts'
import { instancePath } from '../api/instances.ts'
import { Num } from '../api/json.ts'
import { queryGroups } from '../api/query.ts'
import { zone } from '../ui/time.ts'
import type { Scope } from './scope.ts'

/** Widths of buckets that the query language has, in milliseconds. */
export const widths: readonly (readonly [name: string, ms: number])[] = [
  ['1s', 1e3], ['5s', 5e3], ['10s', 10e3], ['20s', 20e3], ['30s', 30e3], ['1m', 60e3], ['2m', 120e3], ['5m', 300e3], ['10m', 600e3], ['15m', 900e3], ['30m', 1800e3],
  ['1h', 3600e3], ['2h', 7200e3], ['3h', 3 * 3600e3], ['6h', 6 * 3600e3], ['12h', 12 * 3600e3], ['1d', 86400e3], ['1w', 7 * 86400e3],
]

/** The narrowest buckets of which no more than most cover the time. */
export function widthFor(span: number, most: number): readonly [name: string, ms: number] {
  return widths.find(([, ms]) => span / ms <= most) ?? ['1w', 7 * 86400e3]
}

/** Counts by time and severity. */
export interface Buckets {
  /** What the axis covers, in milliseconds. */
  from: number
  to: number
  width: number
  /** The buckets' starts, without gaps. */
  starts: number[]
  /** counts[n][i] are the events of importance n in bucket i; 0 is severities that are unknown. */
  counts: number[][]
  total: number
}

interface Stats {
  first_timestamp: string | null
  last_timestamp: string | null
}

/** Asks the server for the histogram of a scope. */
export async function bucketsOf(now: Scope, most: number, abort: AbortSignal): Promise<Buckets | undefined> {
  const span = await spanOf(now, abort)
  if (!span) return undefined
  const [from, to] = span
  const [name, width] = widthFor(to - from, most)
  const field = `timestamp:${name}`
  const groups = await queryGroups(
    { instance: now.instance, where: now.where, reduce: { type: 'count' }, groupBy: [field, 'severity'], timezone: zone() },
    abort,
  )
  const cells = new Map<number, number[]>()
  let first = Infinity
  let last = -Infinity
  let total = 0
  for (const g of groups) {
    const start = Date.parse(String(g.group.get(field)))
    const n = g.value instanceof Num ? g.value.value : 0
    let cell = cells.get(start)
    if (!cell) cells.set(start, (cell = new Array<number>(9).fill(0)))
    cell[importance(String(g.group.get('severity')))]! += n
    total += n
    first = Math.min(first, start)
    last = Math.max(last, start)
  }
  const starts = allStarts(cells, Math.floor(from / width) * width, to, width)
  const counts = Array.from({ length: 9 }, (_, n) => starts.map((s) => cells.get(s)?.[n] ?? 0))
  return { from: Math.min(from, first), to: Math.max(to, last + width), width, starts, counts, total }
}

/** Every bucket of the axis: those with events where the server has put them, the empty ones between. */
function allStarts(cells: ReadonlyMap<number, unknown>, from: number, to: number, width: number): number[] {
  const known = [...cells.keys()].sort((a, b) => a - b)
  const phase = known[0] ?? from
  const all = new Set(known)
  for (let t = phase; t > from - width / 2; t -= width) all.add(t)
  for (let t = phase; t < to; t += width) {
    // Beside a change of the clocks, buckets are shifted; one that has events is there already.
    if (![-3600e3, 3600e3].some((d) => width > 3600e3 && all.has(t + d) && known.includes(t + d))) all.add(t)
  }
  return [...all].sort((a, b) => a - b)
}

/** The time that the axis covers: that of the URL, else that of the instance. */
async function spanOf(now: Scope, abort: AbortSignal): Promise<[number, number] | undefined> {
  let { from, to } = now
  if (from === undefined || to === undefined) {
    const stats = await getPlain<Stats>(`${instancePath(now.instance)}/stats`, abort)
    if (stats.first_timestamp === null || stats.last_timestamp === null) return from === undefined ? undefined : [from, to ?? Date.now()]
    from ??= Date.parse(stats.first_timestamp)
    to ??= now.from === undefined ? Date.parse(stats.last_timestamp) + 1 : Math.max(from + 1000, Date.now())
  }
  return from < to ? [from, to] : undefined
}
