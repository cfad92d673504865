import type { Value } from '../api/json.ts'
import type { Condition } from '../api/query.ts'

// Facets are a view of the filter: what is ticked is a condition on one field,
// alone at the top of it, and so a chip as well.

const sameField = (c: Condition, field: string): boolean => 'field' in c && c.field === field

/** The condition of a facet: eq or in on the field, or contains of one or any. */
function selects(c: Condition, field: string, many: boolean): string[] | undefined {
  if ('field' in c && sameField(c, field)) {
    if (many) return c.operator === 'contains' && typeof c.value === 'string' ? [c.value] : undefined
    if (c.operator === 'eq' && typeof c.value === 'string') return [c.value]
    if (c.operator === 'in' && Array.isArray(c.value)) return (c.value as readonly Value[]).filter((v) => typeof v === 'string')
  }
  if (many && 'or' in c) {
    const each = c.or.map((one) => selects(one, field, true))
    return each.every((v) => v?.length === 1) ? each.flatMap((v) => v ?? []) : undefined
  }
  return undefined
}

export interface Facet {
  field: string
  /** The field holds a list: what is chosen must be in it. */
  many?: boolean
  /** Of a list, only the values of this facet: those of one tag name. */
  owns?: (value: string) => boolean
}

const isOf = (c: Condition, f: Facet): string[] | undefined => {
  const chosen = selects(c, f.field, f.many ?? false)
  return chosen && (!f.owns || chosen.every(f.owns)) ? chosen : undefined
}

/** The values that the filter has chosen of a facet. */
export function chosenOf(where: readonly Condition[], f: Facet): string[] {
  return where.flatMap((c) => isOf(c, f) ?? [])
}

/** The filter without a facet's own condition: what its counts are counted with. */
export function withoutFacet(where: readonly Condition[], f: Facet): Condition[] {
  return where.filter((c) => !isOf(c, f))
}

/** The filter with other values chosen of a facet; none removes its condition. */
export function withChosen(where: readonly Condition[], f: Facet, values: readonly string[]): Condition[] {
  const at = where.findIndex((c) => isOf(c, f))
  const rest = withoutFacet(where, f)
  if (values.length === 0) return rest
  const added = conditionOf(f, values)
  rest.splice(at < 0 ? rest.length : at, 0, added)
  return rest
}

function conditionOf(f: Facet, values: readonly string[]): Condition {
  if (f.many) {
    const each = values.map((value): Condition => ({ field: f.field, operator: 'contains', value }))
    return each.length === 1 && each[0] ? each[0] : { or: each }
  }
  return values.length === 1 ? { field: f.field, operator: 'eq', value: values[0] ?? '' } : { field: f.field, operator: 'in', value: [...values] }
}

/** The filter with a value of a facet chosen, or no longer. */
export function toggled(where: readonly Condition[], f: Facet, value: string): Condition[] {
  const chosen = chosenOf(where, f)
  return withChosen(where, f, chosen.includes(value) ? chosen.filter((v) => v !== value) : [...chosen, value])
}

/** The severities that the filter allows, as importance 1–8. */
export function severityRange(where: readonly Condition[], of: (v: Value) => number): [number, number] {
  let [low, high] = [1, 8]
  for (const c of where) {
    if (!sameField(c, 'severity') || !('field' in c) || c.value === undefined) continue
    if (c.operator === 'gte') low = Math.max(low, of(c.value))
    if (c.operator === 'lte') high = Math.min(high, of(c.value))
  }
  return [low, high]
}

/** The filter with another range of severities; the whole range is no condition. */
export function withSeverities(where: readonly Condition[], low: number, high: number, name: (n: number) => string): Condition[] {
  const rest = where.filter((c) => !(sameField(c, 'severity') && 'field' in c && (c.operator === 'gte' || c.operator === 'lte')))
  if (low > 1) rest.push({ field: 'severity', operator: 'gte', value: name(low) })
  if (high < 8) rest.push({ field: 'severity', operator: 'lte', value: name(high) })
  return rest
}
