import { severities } from '../api/event.ts'
import { envelopeFields, listOperators, operatorWords, signs } from './words.ts'
import { tokens, type Token } from './parse.ts'

/** Something that can stand at the caret: it replaces the characters from, to. */
export interface Suggestion {
  label: string
  insert: string
  from: number
  to: number
  /** What it is: "field", how often it was seen. */
  about: string
}

/** What is known of the events at hand. */
export interface Known {
  /** Paths of payloads and metadata that events of the result have. */
  fields(): Promise<readonly string[]>
  /** Values of a field, the most frequent first, that hold the text. */
  values(field: string, text: string): Promise<readonly { value: string; n: number }[]>
}

const most = 12

/** What may be meant at the caret: a field, an operator or a value, by what stands before. */
export async function suggest(text: string, caret: number, known: Known): Promise<Suggestion[]> {
  const first = text.trimStart()[0]
  if (first === '{' || first === '[') return []
  const before = tokens(text.slice(0, caret)).filter((t) => t.kind !== 'end')
  const last = before[before.length - 1]
  const touching = last !== undefined && last.to === caret
  const word = touching && (last.kind === 'word' || last.kind === 'quoted') ? last : undefined
  const done = word ? before.slice(0, -1) : before
  const place = word ? { from: word.from, to: endOfWord(text, caret, word) } : { from: caret, to: caret }
  const typed = word ? text.slice(word.from, caret).replace(/^"/, '') : ''
  const field = valueOf(done)
  if (field !== undefined) return values(field, typed, place, known)
  const previous = done[done.length - 1]
  if (previous?.kind === 'word' && isFieldLike(previous.text) && !touchingSign(before)) return operators(typed, place)
  return fields(typed, place, known)
}

/** The rest of the word that the caret stands in is replaced too. */
function endOfWord(text: string, caret: number, word: Token): number {
  if (word.kind === 'quoted') return caret
  const rest = /^[^\s()=!<>~,"]*/.exec(text.slice(caret))?.[0] ?? ''
  return caret + rest.length
}

const isFieldLike = (word: string): boolean => (envelopeFields as readonly string[]).includes(word) || /^(payload|metadata)\b/.test(word)
const touchingSign = (before: readonly Token[]): boolean => before[before.length - 1]?.kind === 'sign'

/** The field whose value stands next, if one does. */
function valueOf(done: readonly Token[]): string | undefined {
  let i = done.length - 1
  const list = done[i]?.kind === 'mark' && (done[i]?.text === ',' || done[i]?.text === '(')
  if (list) {
    while (i >= 0 && done[i]?.text !== '(') {
      if (done[i]?.kind === 'mark' && done[i]?.text === ')') return undefined
      i--
    }
    i--
    const operator = done[i]
    return operator && listOperators.includes(operator.text) ? done[i - 1]?.text : undefined
  }
  const operator = done[i]
  const isOperator = operator?.kind === 'sign' || (operator?.kind === 'word' && (operatorWords as readonly string[]).includes(operator.text) && operator.text !== 'exists')
  return isOperator && done[i - 1]?.kind === 'word' ? done[i - 1]?.text : undefined
}

async function fields(typed: string, place: { from: number; to: number }, known: Known): Promise<Suggestion[]> {
  const needle = typed.toLowerCase()
  const seen = await known.fields()
  const all = [...envelopeFields.map((name) => ({ name: name as string, about: 'field of every event' })), ...seen.map((name) => ({ name, about: 'seen in events' }))]
  const starting = all.filter((f) => f.name.toLowerCase().startsWith(needle))
  const holding = all.filter((f) => needle !== '' && !f.name.toLowerCase().startsWith(needle) && f.name.toLowerCase().includes(needle))
  const offered = [...starting, ...holding].slice(0, most).map((f) => ({ label: f.name, insert: f.name, ...place, about: f.about }))
  return offered.length === 1 && offered[0]?.label === typed ? operators('', { from: place.to, to: place.to }) : offered
}

const meaning: Readonly<Record<string, string>> = {
  '=': 'equal', '!=': 'not equal, or missing', '>=': 'at least', '<=': 'at most', '>': 'more than', '<': 'less than', '~': 'matches a regular expression (RE2)',
  contains: 'holds the text or element', icontains: 'holds the text, in any case', starts_with: 'begins with', in: 'one of several', not_in: 'none of several',
  between: 'from … to, both included', exists: 'is there', matches: 'matches a regular expression (RE2)',
}

function operators(typed: string, place: { from: number; to: number }): Suggestion[] {
  const offered = [...signs.map(([s]) => s).filter((s) => s !== '=='), ...operatorWords].filter((o) => o in meaning && o.startsWith(typed.toLowerCase()))
  return offered.map((o) => {
    const isWord = /^[a-z]/.test(o)
    const gap = isWord && place.from === place.to && typed === '' ? ' ' : ''
    const tail = listOperators.includes(o) ? ' (' : isWord ? ' ' : ''
    return { label: o, insert: gap + o + tail, ...place, about: meaning[o] ?? '' }
  })
}

async function values(field: string, typed: string, place: { from: number; to: number }, known: Known): Promise<Suggestion[]> {
  const needle = typed.toLowerCase()
  if (field === 'severity') {
    return severities.filter((s) => s.startsWith(needle)).map((s, i) => ({ label: s, insert: s, ...place, about: `importance ${i + 1}` }))
  }
  if (field === 'timestamp' || field === 'recorded_at') {
    return ['now-15m', 'now-1h', 'now-1d', 'now-7d'].filter((t) => t.startsWith(needle)).map((t) => ({ label: t, insert: t, ...place, about: 'relative to now' }))
  }
  const seen = await known.values(field, typed)
  return seen.slice(0, most).map(({ value, n }) => ({ label: value, insert: quoted(value), ...place, about: n > 0 ? `${n.toLocaleString('en-GB')} events` : '' }))
}

const quoted = (v: string): string => (/^[^\s()=!<>~,"[\]{}]+$/.test(v) ? v : JSON.stringify(v))
