import { computed, signal } from '@preact/signals'
import type { Condition } from '../api/query.ts'
import { FilterError, parseFilter } from '../filter/parse.ts'
import { printFilter } from '../filter/print.ts'
import { params, setParams } from '../route.ts'
import { instanceName } from './InstanceSwitch.tsx'

// What the explorer is about: the events that list, histogram, facets, tail and
// export share. All of it comes from the URL.

const text = (name: string) => computed(() => params.value.get(name) ?? '')

export const filterText = text('q')
export const since = text('since')
export const until = text('until')
export const selectedId = text('event')
export const live = computed(() => params.value.get('live') === '1' && until.value === '')
/** The newest first, at the top; otherwise it is the last, as in a terminal. */
export const newestFirst = computed(() => params.value.get('order') === 'newest')

/** Asked again by hand: relative times then count from a new now. */
const round = signal(0)
export function refresh(): void {
  round.value++
}

/** The filter as conditions; its fault where it is not one. */
export const filter = computed((): { where: Condition[]; fault?: FilterError } => {
  try {
    return { where: parseFilter(filterText.value) }
  } catch (e) {
    if (e instanceof FilterError) return { where: [], fault: e }
    throw e
  }
})

export interface Scope {
  instance: string
  /** The filter and the times, which are instants from here on. */
  where: readonly Condition[]
  from: number | undefined
  to: number | undefined
  live: boolean
}

/** Undefined while the instance is unknown or the filter is faulty. */
export const scope = computed((): Scope | undefined => {
  void round.value
  const instance = instanceName.value
  const { where, fault } = filter.value
  if (instance === undefined || fault) return undefined
  const now = Date.now()
  const from = instant(since.value, now)
  const to = instant(until.value, now)
  return { instance, where: [...where, ...timeConditions(iso(from), iso(to))], from, to, live: live.value }
})

export function timeConditions(from: string, to: string): Condition[] {
  const all: Condition[] = []
  if (from) all.push({ field: 'timestamp', operator: 'gte', value: from })
  if (to) all.push({ field: 'timestamp', operator: 'lt', value: to })
  return all
}

const iso = (t: number | undefined): string => (t === undefined ? '' : new Date(t).toISOString())

const units: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 }

/** The instant that a text of the URL means, in milliseconds: "now-15m", RFC 3339; undefined where it means none. */
export function instant(text: string, now: number): number | undefined {
  if (text === '') return undefined
  if (text === 'now') return now
  const relative = /^now-(\d+)([smhdw])$/.exec(text)
  if (relative) return now - Number(relative[1]) * (units[relative[2] ?? ''] ?? 0)
  const t = Date.parse(text)
  return Number.isNaN(t) ? undefined : t
}

/** Replaces the filter: into the URL, as text. */
export function setFilter(where: readonly Condition[]): void {
  setParams({ q: printFilter(where) })
}

/** Adds conditions to the filter. */
export function addConditions(...more: Condition[]): void {
  setFilter([...filter.value.where, ...more])
}
