import { conditionValue, dslOf, type Condition } from '../api/query.ts'
import { instancePath } from '../api/instances.ts'
import { printJson } from '../api/json.ts'
import { timeConditions } from './scope.ts'

// What is shown, for programs: where to fetch it and how to ask for it.

interface Shown {
  instance: string
  where: readonly Condition[]
  since: string
  until: string
}

/** The address of an export of what is shown. */
export function exportPath(s: Shown, format: string): string {
  const parameters = new URLSearchParams({ format })
  if (s.since) parameters.set('since', s.since)
  if (s.until) parameters.set('until', s.until)
  if (s.where.length > 0) parameters.set('where', printJson(s.where.map(conditionValue)))
  return `${instancePath(s.instance)}/export?${parameters}`
}

/** The query of what is shown, as DSL JSON. Relative times stay relative. */
export function dsl(s: Shown, limit?: number): string {
  const where = [...s.where, ...timeConditions(s.since, s.until)]
  return printJson(dslOf(limit === undefined ? { instance: s.instance, where } : { instance: s.instance, where, limit }))
}

/** A text as one word of a shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Asks the server with curl. With keys, the key comes from the environment. */
export function curlCommand(s: Shown, origin: string, withKey: boolean): string {
  const key = withKey ? ' -H "Authorization: Bearer $FIRN_API_KEY"' : ''
  return `curl -sS${key} -H 'Content-Type: application/json' ${shellWord(`${origin}/v1/query`)} -d ${shellWord(dsl(s))}`
}

export function firnCommand(s: Shown, origin: string): string {
  return `firn query --server ${shellWord(origin)} ${shellWord(dsl(s))}`
}
