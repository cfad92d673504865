import { Num, Obj, type Value } from '../api/json.ts'
import type { Condition } from '../api/query.ts'
import { addConditions } from '../explorer/scope.ts'
import { instanceName } from '../explorer/InstanceSwitch.tsx'
import { printFilter } from '../filter/print.ts'
import { go, path } from '../route.ts'

/** Whether a condition can ask for the value: scalars, by their exact spelling. */
export function askable(v: Value): boolean {
  return v === null || typeof v !== 'object' || v instanceof Num
}

/** The condition that a field has, or has not, a value. */
export function having(field: string, v: Value, has: boolean): Condition {
  return { field, operator: has ? 'eq' : 'neq', value: v }
}

/** The condition that a list holds, or does not hold, a value. */
export function holding(field: string, v: Value, has: boolean): Condition {
  const c: Condition = { field, operator: 'contains', value: v }
  return has ? c : { not: c }
}

/** Narrows the explorer down by a condition; from elsewhere, goes there with it. */
export function narrow(c: Condition): void {
  if (path.peek() === '/') addConditions(c)
  else go(`/?instance=${encodeURIComponent(instanceName.peek() ?? '')}&q=${encodeURIComponent(printFilter([c]))}`)
}

export const isContainer = (v: Value): v is Obj | readonly Value[] => v instanceof Obj || Array.isArray(v)
