import type { FirnEvent } from '../../api/event.ts'
import { texts } from '../../renderers/payload.ts'

// Tags are filters: "name:value" is one of the values of a name, a tag without a
// colon is a flag. More colons belong to the value.

export interface TagFilters {
  /** Names with their values, both sorted. */
  names: { name: string; values: string[] }[]
  flags: string[]
}

const collate = new Intl.Collator('en', { sensitivity: 'base', numeric: true })
/** a→z, whatever the case; ties in the order of their code points. */
export const byName = (a: string, b: string): number => collate.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)

export function tagsOf(e: FirnEvent): string[] {
  return texts(e.metadata.get('tags')) ?? []
}

/** A tag taken apart; value is undefined for a flag. */
export function split(tag: string): { name: string; value: string | undefined } {
  const colon = tag.indexOf(':')
  return colon < 0 ? { name: tag, value: undefined } : { name: tag.slice(0, colon), value: tag.slice(colon + 1) }
}

/** The filters that all tags of all events make. */
export function filtersOf(events: readonly FirnEvent[]): TagFilters {
  const names = new Map<string, Set<string>>()
  const flags = new Set<string>()
  for (const tag of events.flatMap(tagsOf)) {
    const { name, value } = split(tag)
    if (value === undefined) flags.add(name)
    else names.set(name, (names.get(name) ?? new Set()).add(value))
  }
  return {
    names: [...names].sort(([a], [b]) => byName(a, b)).map(([name, values]) => ({ name, values: [...values].sort(byName) })),
    flags: [...flags].sort(byName),
  }
}

/** Whether an event has what is chosen: one of the values of every name, and every flag. */
export function matchesTags(e: FirnEvent, chosen: readonly string[]): boolean {
  const has = new Set(tagsOf(e))
  const byNames = new Map<string, string[]>()
  for (const tag of chosen) {
    const { name, value } = split(tag)
    if (value === undefined) {
      if (!has.has(tag)) return false
    } else byNames.set(name, [...(byNames.get(name) ?? []), tag])
  }
  return [...byNames.values()].every((any) => any.some((tag) => has.has(tag)))
}

/** Chosen tags as a parameter of the URL, and back. */
export const printTags = (chosen: readonly string[]): string => chosen.map(encodeURIComponent).join(',')
export function parseTags(text: string): string[] {
  return text === '' ? [] : text.split(',').map((one) => {
    try {
      return decodeURIComponent(one)
    } catch {
      return one
    }
  })
}
