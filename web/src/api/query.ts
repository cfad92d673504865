import { eventOf, type FirnEvent } from './event.ts'
import { send } from './http.ts'
import { Obj, parseJson, type Value } from './json.ts'

// The query language (docs/query-language.md), as far as the viewer asks in it.

export type Condition =
  | { field: string; operator: string; value?: Operand }
  | { and: Condition[] }
  | { or: Condition[] }
  | { not: Condition }
  | { search: string }

/** A literal in a condition. Num keeps numbers as they were typed. */
export type Operand = Value

export interface Reduce {
  type: string
  field?: string
  as?: string
}

export interface Query {
  instance: string
  stream?: string
  where?: readonly Condition[]
  select?: readonly string[]
  orderBy?: { field: string; direction: 'asc' | 'desc' }
  limit?: number
  offset?: number
  total?: boolean
  reduce?: Reduce | readonly Reduce[]
  groupBy?: readonly string[]
  timezone?: string
}

/** A condition as a JSON value whose numbers keep their spelling. */
export function conditionValue(c: Condition): Value {
  if ('and' in c) return new Obj([['and', c.and.map(conditionValue)]])
  if ('or' in c) return new Obj([['or', c.or.map(conditionValue)]])
  if ('not' in c) return new Obj([['not', conditionValue(c.not)]])
  if ('search' in c) return new Obj([['search', c.search]])
  const entries: [string, Value][] = [['field', c.field], ['operator', c.operator]]
  if (c.value !== undefined) entries.push(['value', c.value])
  return new Obj(entries)
}

/** A query as DSL JSON. */
export function dslOf(q: Query): Obj {
  const entries: [string, Value][] = []
  const from: [string, Value][] = [['instance', q.instance]]
  if (q.stream !== undefined) from.push(['stream', q.stream])
  entries.push(['from', new Obj(from)])
  if (q.where?.length) entries.push(['where', q.where.map(conditionValue)])
  const plain: Record<string, unknown> = {
    select: q.select, orderBy: q.orderBy, limit: q.limit, offset: q.offset, total: q.total,
    reduce: q.reduce, groupBy: q.groupBy, timezone: q.timezone,
  }
  for (const [key, v] of Object.entries(plain)) {
    if (v !== undefined) entries.push([key, parseJson(JSON.stringify(v))])
  }
  return new Obj(entries)
}

import { printJson } from './json.ts'

async function post(q: Query, signal?: AbortSignal): Promise<Obj> {
  const answer = await send('POST', '/v1/query', printJson(dslOf(q)), signal)
  const v = parseJson(await answer.text())
  return v instanceof Obj ? v : new Obj([])
}

/** The events of a query, and the total if it was asked for. */
export async function queryEvents(q: Query, signal?: AbortSignal): Promise<{ events: FirnEvent[]; total?: number }> {
  const result = await post(q, signal)
  const events = result.get('events')
  const total = result.get('total')
  const out: { events: FirnEvent[]; total?: number } = {
    events: Array.isArray(events) ? (events as readonly Value[]).map((e) => eventOf(e)) : [],
  }
  if (total !== undefined && total !== null && typeof total === 'object' && 'text' in total) out.total = Number(total.text)
  return out
}

export interface Group {
  group: Obj
  /** The value, of the first reduction where there are several. */
  value: Value
  values?: Obj
}

/** The groups of a reduction with groupBy. */
export async function queryGroups(q: Query, signal?: AbortSignal): Promise<Group[]> {
  const aggregation = (await post(q, signal)).get('aggregation')
  if (!Array.isArray(aggregation)) return []
  return (aggregation as readonly Value[]).map((g) => {
    const o = g as Obj
    const values = o.get('values')
    const out: Group = { group: o.get('group') as Obj, value: o.get('value') ?? null }
    if (values instanceof Obj) {
      out.values = values
      out.value = values.entries[0]?.[1] ?? null
    }
    return out
  })
}

/** How many events match. */
export async function queryCount(instance: string, where: readonly Condition[], signal?: AbortSignal): Promise<number> {
  return (await queryEvents({ instance, where, limit: 0 }, signal)).total ?? 0
}
