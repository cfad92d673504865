import { getLossless, members } from './http.ts'
import { Num, type Obj, type Value } from './json.ts'
import { queryGroups } from './query.ts'

/** An event type of the catalog. */
export interface Entry {
  type: string
  system: string
  description: string
  severity: string
  subject: string | null
  schema: Obj | undefined
  origin: string
}

/** What was seen of a type in the instance. */
export interface Seen {
  n: number
  first: string
  last: string
}

const textOf = (v: Value | undefined): string => (typeof v === 'string' ? v : '')

/** The event types that the catalog has. */
export async function loadCatalog(abort: AbortSignal): Promise<Entry[]> {
  const types = members(await getLossless('/v1/catalog', abort))?.get('types')
  if (!Array.isArray(types)) return []
  return (types as readonly Value[]).flatMap((v) => {
    const o = members(v)
    if (!o) return []
    return {
      type: textOf(o.get('type')), system: textOf(o.get('system')), description: textOf(o.get('description')), severity: textOf(o.get('severity')),
      subject: textOf(o.get('subject')) || null, schema: members(o.get('schema')), origin: textOf(o.get('origin')),
    }
  })
}

/** What was seen of each type in an instance. */
export async function loadSeen(instance: string, abort: AbortSignal): Promise<Map<string, Seen>> {
  const groups = await queryGroups(
    { instance, reduce: [{ as: 'n', type: 'count' }, { as: 'first', type: 'min', field: 'timestamp' }, { as: 'last', type: 'max', field: 'timestamp' }], groupBy: ['event_type'], limit: 10_000 },
    abort,
  )
  return new Map(
    groups.map((g) => {
      const n = g.values?.get('n')
      return [textOf(g.group.get('event_type')), { n: n instanceof Num ? n.value : 0, first: textOf(g.values?.get('first')), last: textOf(g.values?.get('last')) }]
    }),
  )
}
