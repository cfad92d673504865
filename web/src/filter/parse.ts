import { Num, parseJson, type Value } from '../api/json.ts'
import type { Condition } from '../api/query.ts'
import { listOperators, operatorWords, signs, takesJson } from './words.ts'

// The filter language of the query bar. It says what the "where" of the query
// language says, in one line:
//
//   severity>=warning event_type in (login, logout) payload.status>=500 "time out"
//   (actor = alice or actor = bob) not payload.geo exists
//
// Conditions side by side must all hold (as with "and"); "or", "not" and
// parentheses do what they say; a word without an operator is searched for.
// FIELD OPERATOR VALUE is that of `firn query --where`. Text that begins with
// { or [ is the query language itself.

/** What is wrong with a filter, and where: characters from, to. */
export class FilterError extends Error {
  constructor(
    message: string,
    readonly from: number,
    readonly to: number,
  ) {
    super(message)
  }
}

export interface Token {
  kind: 'word' | 'quoted' | 'sign' | 'mark' | 'json' | 'end'
  text: string
  from: number
  to: number
}

/** Reads a filter: the conditions that must all hold. */
export function parseFilter(text: string): Condition[] {
  const trimmed = text.trim()
  if (trimmed === '') return []
  if (trimmed[0] === '{' || trimmed[0] === '[') return parseDsl(text)
  const parser = new Parser(text)
  const all = parser.alternatives()
  parser.end()
  return 'and' in all && !parser.grouped.has(all) ? all.and : [all]
}

function parseDsl(text: string): Condition[] {
  let v: unknown
  try {
    v = toCondition(parseJson(text))
  } catch (e) {
    throw new FilterError(e instanceof Error ? e.message : 'not valid JSON', 0, text.length)
  }
  return Array.isArray(v) ? (v as Condition[]) : [v as Condition]
}

/**
 * Conditions of DSL JSON, with the numbers as they are written. A whole query
 * is taken for its "where". The server checks what they mean.
 */
export function toCondition(v: Value): Condition | Condition[] {
  if (Array.isArray(v)) return (v as readonly Value[]).flatMap(toCondition)
  if (v === null || typeof v !== 'object' || v instanceof Num || !('get' in v)) throw new Error('a condition is a JSON object')
  if (v.get('from') !== undefined || v.get('where') !== undefined) {
    const where = v.get('where')
    return where === undefined ? [] : toCondition(where)
  }
  const list = (x: Value | undefined) => [toCondition(x ?? [])].flat()
  if (v.get('and') !== undefined) return { and: list(v.get('and')) }
  if (v.get('or') !== undefined) return { or: list(v.get('or')) }
  if (v.get('not') !== undefined) {
    const inner = list(v.get('not'))
    return { not: inner.length === 1 && inner[0] ? inner[0] : { and: inner } }
  }
  const search = v.get('search')
  if (typeof search === 'string') return { search }
  const field = v.get('field')
  const operator = v.get('operator')
  if (typeof field !== 'string' || typeof operator !== 'string') {
    throw new Error('a condition needs "field" and "operator", or is one of and, or, not, search')
  }
  const value = v.get('value')
  return value === undefined ? { field, operator } : { field, operator, value }
}

const bare = /[^\s()=!<>~,"[\]]/

/** The tokens of a filter; for the parser and for completion. Never throws: a quote that does not end is a token to the end. */
export function tokens(text: string): Token[] {
  const all: Token[] = []
  let at = 0
  const push = (kind: Token['kind'], to: number) => {
    all.push({ kind, text: text.slice(at, to), from: at, to })
    at = to
  }
  while (at < text.length) {
    const c = text.charAt(at)
    const sign = signs.find(([s]) => text.startsWith(s, at))
    if (/\s/.test(c)) at++
    else if (c === '(' || c === ')' || c === ',') push('mark', at + 1)
    else if (c === '"') push('quoted', endOfString(text, at))
    else if (sign) push('sign', at + sign[0].length)
    else if (c === '[' || c === ']' || c === '!') push('json', c === '[' ? endOfBrackets(text, at) : at + 1)
    else push('word', endOfWord(text, at))
  }
  all.push({ kind: 'end', text: '', from: text.length, to: text.length })
  return all
}

function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i + 1
  }
  return text.length
}

/** The end of what is in brackets, strings in them respected. */
function endOfBrackets(text: string, from: number): number {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    if (text[i] === '"') i = endOfString(text, i) - 1
    else if (text[i] === '[') depth++
    else if (text[i] === ']' && --depth === 0) return i + 1
  }
  return text.length
}

/** A word runs on through brackets, as in payload["a b"] and items[0].price. */
function endOfWord(text: string, from: number): number {
  let i = from
  while (i < text.length) {
    if (text[i] === '[') i = endOfBrackets(text, i)
    else if (bare.test(text.charAt(i))) i++
    else break
  }
  return i
}

class Parser {
  private readonly all: Token[]
  private i = 0
  /** The groups that stood in parentheses: an "and" among them stays one condition. */
  readonly grouped = new Set<Condition>()
  constructor(text: string) {
    this.all = tokens(text)
  }

  private get next(): Token {
    return this.all[this.i] ?? { kind: 'end', text: '', from: 0, to: 0 }
  }
  private peek(n: number): Token | undefined {
    return this.all[this.i + n]
  }
  private fail(message: string, at: Token = this.next): never {
    throw new FilterError(message, at.from, Math.max(at.to, at.from + 1))
  }
  private is(kind: Token['kind'], text: string): boolean {
    return this.next.kind === kind && this.next.text.toLowerCase() === text
  }
  /** and, or, not are words of the language, unless an operator follows: then they are a field. */
  private keyword(word: string): boolean {
    return this.is('word', word) && this.peek(1)?.kind !== 'sign'
  }

  end(): void {
    if (this.next.kind !== 'end') this.fail(this.next.text === ')' ? 'there is no ( for this )' : `nothing was expected here, found ${this.next.text}`)
  }

  alternatives(): Condition {
    const any = [this.conjunction()]
    while (this.keyword('or')) {
      this.i++
      any.push(this.conjunction())
    }
    return any.length === 1 && any[0] ? any[0] : { or: any }
  }

  private conjunction(): Condition {
    const all = [this.one()]
    for (;;) {
      if (this.keyword('and')) this.i++
      else if (this.next.kind === 'end' || this.is('mark', ')') || this.keyword('or')) break
      all.push(this.one())
    }
    return all.length === 1 && all[0] ? all[0] : { and: all }
  }

  private one(): Condition {
    if (this.keyword('not')) {
      this.i++
      return { not: this.one() }
    }
    if (this.is('mark', '(')) {
      const open = this.next
      this.i++
      const inner = this.alternatives()
      if (!this.is('mark', ')')) this.fail('this ( has no )', open)
      this.i++
      if ('and' in inner) this.grouped.add(inner)
      return inner
    }
    const first = this.next
    if (first.kind !== 'word' && first.kind !== 'quoted') {
      this.fail(first.kind === 'end' ? 'a condition was expected: FIELD OPERATOR VALUE, or a word to search for' : `a field or a word was expected before ${first.text}`)
    }
    this.i++
    const operator = this.operator()
    if (operator === undefined || first.kind === 'quoted') {
      return { search: first.kind === 'quoted' ? this.unquote(first) : first.text }
    }
    if (operator === 'exists') return { field: first.text, operator }
    const value = listOperators.includes(operator) ? this.list(first.text) : this.scalar(first.text)
    return { field: first.text, operator, value }
  }

  /** The operator that stands next, taken; undefined where there is none. */
  private operator(): string | undefined {
    const t = this.next
    if (t.kind === 'sign') {
      this.i++
      return signs.find(([s]) => s === t.text)?.[1]
    }
    const word = t.text.toLowerCase()
    if (t.kind !== 'word' || !(operatorWords as readonly string[]).includes(word)) return undefined
    // "checked in" are two words; "actor in (a)" is an operator.
    if (word !== 'exists' && !this.startsValue(this.peek(1))) return undefined
    this.i++
    return word
  }

  private startsValue(t: Token | undefined): boolean {
    return t !== undefined && (t.kind === 'word' || t.kind === 'quoted' || t.kind === 'json' || (t.kind === 'mark' && t.text === '('))
  }

  private list(field: string): Value[] {
    if (this.next.kind === 'json') return this.jsonList()
    const parenthesis = this.is('mark', '(')
    if (parenthesis) this.i++
    const items: Value[] = []
    if (!(parenthesis && this.is('mark', ')'))) {
      do items.push(this.scalar(field))
      while (this.comma())
    }
    if (parenthesis) {
      if (!this.is('mark', ')')) this.fail('a comma or ) was expected in the list')
      this.i++
    }
    return items
  }

  private comma(): boolean {
    if (!this.is('mark', ',')) return false
    this.i++
    return true
  }

  private jsonList(): Value[] {
    const v = this.json()
    if (!Array.isArray(v)) return this.fail('a list was expected')
    return [...(v as readonly Value[])]
  }

  private json(): Value {
    const t = this.next
    this.i++
    try {
      return parseJson(t.text)
    } catch {
      return this.fail(`${t.text} is not valid JSON`, t)
    }
  }

  private scalar(field: string): Value {
    const t = this.next
    if (t.kind === 'json') return this.json()
    if (t.kind !== 'word' && t.kind !== 'quoted') this.fail('a value was expected (empty text is "")')
    this.i++
    if (t.kind === 'quoted') return this.unquote(t)
    return literal(field, t.text)
  }

  private unquote(t: Token): string {
    try {
      return JSON.parse(t.text) as string
    } catch {
      return this.fail('the quoted text does not end, or has an unknown escape', t)
    }
  }
}

/** A bare word as a value: JSON where the field takes it and the word is one, else text. */
function literal(field: string, word: string): Value {
  if (!takesJson(field)) return word
  if (/^(true|false|null|-?\d.*)$/.test(word)) {
    try {
      return parseJson(word)
    } catch {
      return word // 2026-01-01 is text
    }
  }
  return word
}
