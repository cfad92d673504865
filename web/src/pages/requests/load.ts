import type { FirnEvent } from '../../api/event.ts'
import { Num, type Value } from '../../api/json.ts'
import { queryEvents, queryGroups, type Condition, type Group } from '../../api/query.ts'
import { summaryOf } from '../../explorer/summary.ts'
import { amount, schemeOf } from '../../renderers/payload.ts'
import { byName } from './tags.ts'
import type { Total } from './totals.ts'

const page = 5000
/** What a tree needs of an event: no bodies of mails, no headers. */
const fields = [
  'id', 'position', 'stream_id', 'event_type', 'timestamp', 'severity', 'subject', 'metadata', 'payload.message', 'payload.target', 'payload.query', 'payload.method',
  'payload.uri', 'payload.name', 'payload.group', 'payload.subject', 'payload.access', 'payload.object', 'payload.action', 'payload.control', 'payload.events',
]

export const of = (field: string, value: Value, operator = 'eq'): Condition => ({ field, operator, value })

/** All events of a scheme, the event scheme among them. */
export async function loadScheme(instance: string, scheme: string, abort: AbortSignal): Promise<FirnEvent[]> {
  const all: FirnEvent[] = []
  for (;;) {
    const last = all.at(-1)
    const where = [of('metadata.scheme_id', scheme), ...(last ? [of('position', new Num(String(last.position)), 'gt')] : [])]
    const { events } = await queryEvents({ instance, where, select: fields, orderBy: { field: 'position', direction: 'asc' }, limit: page, total: false }, abort)
    all.push(...events)
    if (events.length < page) return all
  }
}

export interface Request {
  scheme: string
  app: string
  timestamp: string
  events: number
  /** What was asked: method and address; empty where no event tells. */
  title: string
  duration: number | undefined
  failures: number
}

/** Requests, the latest first: those before a position. */
export async function loadRequests(instance: string, where: readonly Condition[], n: number, offset: number, abort: AbortSignal): Promise<{ requests: Request[]; total: number }> {
  const found = await queryEvents(
    { instance, where: [of('event_type', 'scheme'), ...where], select: ['id', 'stream_id', 'timestamp', 'payload.events', 'metadata.scheme_id'], orderBy: { field: 'position', direction: 'desc' }, limit: n, offset },
    abort,
  )
  const ids = found.events.map((e) => schemeOf(e) ?? e.id)
  if (ids.length === 0) return { requests: [], total: found.total ?? 0 }
  const inThese = of('metadata.scheme_id', ids, 'in')
  const [told, failed] = await Promise.all([
    queryEvents({ instance, where: [inThese, of('event_type', ['request', 'response'], 'in')], select: fields, limit: 4 * n, total: false }, abort),
    queryGroups({ instance, where: [inThese, of('metadata.success', false)], reduce: { type: 'count' }, groupBy: ['metadata.scheme_id'], limit: n }, abort),
  ])
  const requests = found.events.map((e): Request => {
    const scheme = schemeOf(e) ?? e.id
    const own = told.events.filter((one) => schemeOf(one) === scheme)
    const asked = own.find((one) => one.event_type === 'request')
    return {
      scheme, app: e.stream_id, timestamp: asked?.timestamp ?? e.timestamp, events: amount(e.payload.get('events')) ?? 0,
      title: asked ? summaryOf(asked) : '', duration: requestTime(own), failures: number(failed.find((g) => g.group.get('metadata.scheme_id') === scheme)?.value),
    }
  })
  return { requests, total: found.total ?? 0 }
}

/** The total time of a request: the duration of its response, else that of the request itself. */
export function requestTime(events: readonly FirnEvent[]): number | undefined {
  for (const type of ['response', 'request']) {
    const ms = events.filter((e) => e.event_type === type).map((e) => amount(e.metadata.get('duration'))).find((one) => one !== undefined)
    if (ms !== undefined) return ms
  }
  return undefined
}

const number = (v: Value | undefined): number => (v instanceof Num ? v.value : 0)

/** What all queries cost that match, by target: counted by the server, over everything. */
export async function loadTotals(instance: string, where: readonly Condition[], abort: AbortSignal): Promise<Total[]> {
  const queries = [of('event_type', 'query'), ...where]
  const groupBy = ['payload.target']
  const groups = await queryGroups(
    { instance, where: queries, reduce: [{ as: 'n', type: 'count' }, { as: 'ms', type: 'sum', field: 'metadata.duration' }], groupBy, limit: 1000 }, abort)
  const known = await queryGroups({ instance, where: [...queries, of('metadata.duration', new Num('-1e300'), 'gte')], reduce: { type: 'count' }, groupBy, limit: 1000 }, abort)
  const target = (g: Group) => {
    const v = g.group.get('payload.target')
    return typeof v === 'string' ? v : ''
  }
  return groups
    .map((g) => {
      const requests = number(g.values?.get('n'))
      const timed = known.filter((k) => target(k) === target(g)).reduce((sum, k) => sum + number(k.value), 0)
      return { target: target(g), requests, ms: number(g.values?.get('ms')), without: requests - timed }
    })
    .sort((a, b) => byName(a.target, b.target))
}
