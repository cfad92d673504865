import { Num, printJson, type Value } from '../api/json.ts'
import { conditionValue, type Condition } from '../api/query.ts'
import { listOperators, operatorWords, signs, takesJson } from './words.ts'

/** Conditions as text of the filter language, which parseFilter reads back as the same. */
export function printFilter(all: readonly Condition[]): string {
  if (all.length === 1 && all[0] && 'or' in all[0]) return all[0].or.length > 1 ? all[0].or.map((c) => operand(c)).join(' or ') : json(all)
  return expressible(all) ? all.map((c) => operand(c)).join(' ') : json(all)
}

/** The query language itself, for what the one line cannot say: an "or" of one, an object as a value. */
function json(all: readonly Condition[]): string {
  return printJson(all.map(conditionValue))
}

function expressible(all: readonly Condition[]): boolean {
  return all.every((c) => {
    if ('and' in c) return c.and.length > 1 && expressible(c.and)
    if ('or' in c) return c.or.length > 1 && expressible(c.or)
    if ('not' in c) return expressible([c.not])
    if ('search' in c) return true
    return plainField.test(c.field) && (c.value === undefined) === (c.operator === 'exists') && (!listOperators.includes(c.operator) || Array.isArray(c.value)) && sayable(c.field, c.value)
  })
}

/** Whether a value can be written behind its field so that it is read back as it is. */
function sayable(field: string, v: Value | undefined): boolean {
  if (v === undefined || typeof v === 'string') return true
  if (Array.isArray(v)) return (v as readonly Value[]).every((item) => !Array.isArray(item) && sayable(field, item))
  return takesJson(field) && (typeof v !== 'object' || v === null || v instanceof Num)
}

/** One condition, as it can stand beside others. */
export function printCondition(c: Condition): string {
  return expressible([c]) ? operand(c) : json([c])
}

function operand(c: Condition): string {
  if ('and' in c) return `(${c.and.map(operand).join(' and ')})`
  if ('or' in c) return `(${c.or.map(operand).join(' or ')})`
  if ('not' in c) return `not ${operand(c.not)}`
  if ('search' in c) return quoteUnless(c.search, !reserved.has(c.search.toLowerCase()))
  const sign = signs.findLast(([, operator]) => operator === c.operator && operator !== 'matches')?.[0]
  if (c.value === undefined) return `${c.field} ${c.operator}`
  const value = listOperators.includes(c.operator)
    ? `(${(c.value as readonly Value[]).map((v) => printValue(c.field, v)).join(', ')})`
    : printValue(c.field, c.value)
  return sign ? `${c.field}${sign}${value}` : `${c.field} ${c.operator} ${value}`
}

const plainField = /^[^\s()=!<>~,"[\]]+(\[(\d*|"([^"\\]|\\.)*")\]([^\s()=!<>~,"[\]]*))*$/
const plainWord = /^[^\s()=!<>~,"[\]{}]+$/
const reserved = new Set<string>(['and', 'or', 'not', ...operatorWords])

function quoteUnless(text: string, fine: boolean): string {
  return fine && plainWord.test(text) ? text : JSON.stringify(text)
}

function printValue(field: string, v: Value): string {
  if (typeof v === 'string') return quoteUnless(v, !reserved.has(v.toLowerCase()) && !(takesJson(field) && /^(true|false|null|-?\d)/.test(v)))
  return printJson(v)
}
