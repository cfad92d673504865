import type { FirnEvent } from '../../api/event.ts'
import { text } from '../../renderers/payload.ts'
import { importanceOf } from './tree.ts'

/** What was decided of one question: who may do what with what. */
export interface Ballot {
  object: string | undefined
  action: string | undefined
  control: string | undefined
  grants: number
  denials: number
  /** Words that are neither. */
  others: number
  /** The one check that outranks all others of the question; undefined where none does. */
  final: FirnEvent | undefined
  checks: readonly FirnEvent[]
}

/** The access checks of a request, a ballot for each question, in the order of their first checks. */
export function ballotsOf(events: readonly FirnEvent[]): Ballot[] {
  const by = new Map<string, FirnEvent[]>()
  for (const e of events) {
    if (e.event_type !== 'access_check' || text(e, 'access') === undefined) continue
    const key = JSON.stringify(['control', 'object', 'action'].map((name) => text(e, name) ?? null))
    by.set(key, [...(by.get(key) ?? []), e])
  }
  return [...by.values()].map(ballotOf)
}

function ballotOf(checks: readonly FirnEvent[]): Ballot {
  const first = checks[0]
  const final = finalOf(checks)
  const votes = checks.filter((e) => e !== final).map((e) => text(e, 'access'))
  const grants = votes.filter((v) => v === 'GRANT').length
  const denials = votes.filter((v) => v === 'DENIED').length
  return {
    object: first && text(first, 'object'), action: first && text(first, 'action'), control: first && text(first, 'control'),
    grants, denials, others: votes.length - grants - denials, final, checks,
  }
}

/** The check whose importance is above that of every other; votes of equal rank have none. */
function finalOf(checks: readonly FirnEvent[]): FirnEvent | undefined {
  const highest = Math.max(...checks.map(importanceOf))
  const top = checks.filter((e) => importanceOf(e) === highest)
  return checks.length > 1 && top.length === 1 ? top[0] : undefined
}
