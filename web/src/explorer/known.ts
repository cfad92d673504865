import { Num, Obj, type Value } from '../api/json.ts'
import { queryEvents, queryGroups } from '../api/query.ts'
import type { Known } from '../filter/complete.ts'
import { instanceName } from './InstanceSwitch.tsx'
import { scope } from './scope.ts'

// What completion offers: paths and values of the events that there are.

let of: string | undefined
let paths: Promise<readonly string[]> | undefined

/** Paths that the latest events of the instance have; asked once an instance. */
function fields(): Promise<readonly string[]> {
  const instance = instanceName.peek()
  if (instance === undefined) return Promise.resolve([])
  if (of !== instance || !paths) {
    of = instance
    paths = latestPaths(instance).catch(() => {
      paths = undefined
      return []
    })
  }
  return paths
}

async function latestPaths(instance: string): Promise<readonly string[]> {
  const { events } = await queryEvents({
    instance, select: ['payload', 'metadata'], orderBy: { field: 'position', direction: 'desc' }, limit: 50, total: false,
  })
  const all = new Set<string>()
  for (const e of events) {
    collect('payload', e.payload, all, 3)
    collect('metadata', e.metadata, all, 3)
  }
  return [...all].sort()
}

function collect(path: string, v: Value, to: Set<string>, depth: number): void {
  if (v instanceof Obj && depth > 0) {
    for (const [key, value] of v.entries) collect(member(path, key), value, to, depth - 1)
  } else if (path.includes('.') || path.includes('[')) to.add(path)
}

/** The path of a member, in the query language's spelling. */
export function member(path: string, key: string): string {
  return /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}

/** The most frequent values of a field that hold the text, of what the scope holds. */
async function values(field: string, text: string): Promise<readonly { value: string; n: number }[]> {
  const now = scope.peek()
  const instance = instanceName.peek()
  if (instance === undefined) return []
  const isList = field === 'metadata.tags'
  const key = isList ? `${field}[]` : field
  const where = text === '' || isList ? [] : [{ field, operator: 'icontains', value: text }]
  const times = now?.where.filter((c) => 'field' in c && c.field === 'timestamp') ?? []
  try {
    const groups = await queryGroups({ instance, where: [...times, ...where], reduce: { type: 'count' }, groupBy: [key], limit: 50 })
    return groups
      .map((g) => ({ value: show(g.group.get(key)), n: g.value instanceof Num ? g.value.value : 0 }))
      .filter((g) => g.value !== '' && g.value.toLowerCase().includes(text.toLowerCase()))
  } catch {
    return [] // a field that cannot be grouped by has no values to offer
  }
}

const show = (v: Value | undefined): string => (typeof v === 'string' ? v : v instanceof Num ? v.text : typeof v === 'boolean' ? String(v) : '')

export const known: Known = { fields, values }
