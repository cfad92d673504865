import type { FirnEvent } from '../../api/event.ts'
import { amount } from '../../renderers/payload.ts'
import { duration, plural } from '../../ui/time.ts'
import { byName } from './tags.ts'

/** What queries to one target cost together. */
export interface Total {
  target: string
  requests: number
  ms: number
  /** How many say nothing of their duration: counted, not added. */
  without: number
}

export const isQuery = (e: FirnEvent): boolean => e.event_type === 'query'

/** The targets of all queries, a→z. */
export function totalsOf(events: readonly FirnEvent[]): Total[] {
  const all = new Map<string, Total>()
  for (const e of events.filter(isQuery)) {
    const named = e.payload.get('target')
    const target = typeof named === 'string' ? named : ''
    const total = all.get(target) ?? { target, requests: 0, ms: 0, without: 0 }
    const ms = amount(e.metadata.get('duration'))
    total.requests++
    if (ms === undefined) total.without++
    else total.ms += ms
    all.set(target, total)
  }
  return [...all.values()].sort((a, b) => byName(a.target, b.target))
}

/** "7 requests, total 210 ms": the words of the document, behind the target. */
export function totalWords(t: Total): string {
  const known = `${plural(t.requests, 'request')}, total ${duration(t.ms)}`
  return t.without === 0 ? known : `${known} (${t.without} without a duration, not in the total)`
}
