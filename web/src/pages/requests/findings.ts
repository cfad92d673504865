import { Obj, printJson } from '../../api/json.ts'
import { amount } from '../../renderers/payload.ts'
import { duration, plural } from '../../ui/time.ts'
import { isQuery } from './totals.ts'
import { flat, type Node } from './tree.ts'

/** Queries that could perhaps be fewer, and why it looks so. */
export interface Finding {
  kind: 'duplicate' | 'n+1'
  target: string
  query: string
  events: readonly string[]
  /** Milliseconds that all but one of them took. */
  wasted: number
  reason: string
}

const fewest = 3 // like queries that are more than chance

interface Asked {
  node: Node
  target: string
  query: string
  shape: string
  from: string
}

/** Duplicates, and possible N+1: the costliest first. */
export function findingsOf(nodes: readonly Node[]): Finding[] {
  const parents = new Map<Node, Node | undefined>()
  const note = (n: Node, parent: Node | undefined) => {
    parents.set(n, parent)
    for (const child of n.children) note(child, n)
  }
  for (const n of nodes) note(n, undefined)
  const asked = flat(nodes).flatMap((node) => askedOf(node) ?? [])

  const found: Finding[] = []
  for (const same of groups(asked, (a) => `${a.target}\n${a.query}`)) {
    if (same.length < 2) continue
    found.push(finding('duplicate', same, `The same query ran ${plural(same.length, 'time')} in this request; one answer would do.`))
  }
  // Like queries inside one event, from one place: one for each row of another.
  const ids = new Map<Node | undefined, number>()
  const within = (a: Asked) => {
    const parent = parents.get(a.node)
    if (!ids.has(parent)) ids.set(parent, ids.size)
    return ids.get(parent)
  }
  for (const like of groups(asked, (a) => `${a.target}\n${within(a)}\n${a.from}\n${a.shape}`)) {
    const distinct = new Set(like.map((a) => a.query)).size
    if (distinct < fewest) continue
    const place = like[0]?.from ? `, called from the same place (${like[0].from})` : ''
    found.push(finding('n+1', like, `${plural(like.length, 'query', 'queries')} differ in their values only${place}: perhaps one for each row of another query. One with a list of values would do.`))
  }
  return found.sort((a, b) => b.wasted - a.wasted)
}

function askedOf(node: Node): Asked | undefined {
  const { payload, metadata } = node.event
  const query = payload.get('query')
  if (!isQuery(node.event) || typeof query !== 'string' || query === '') return undefined
  const target = payload.get('target')
  const from = metadata.get('called_from')
  const file = from instanceof Obj ? (from.get('file') ?? from.get('relativePath')) : undefined
  const line = from instanceof Obj ? from.get('line') : undefined
  return {
    node, query, target: typeof target === 'string' ? target : '', shape: shapeOf(query),
    from: typeof file === 'string' ? `${file}${line === undefined ? '' : `:${printJson(line)}`}` : '',
  }
}

/** A query without its values: texts and numbers are "?", lists of them one. */
export function shapeOf(query: string): string {
  return query
    .replace(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"/g, '?')
    .replace(/\b\d+(?:\.\d+)?\b/g, '?')
    .replace(/\?(?:\s*,\s*\?)+/g, '?')
    .replace(/\s+/g, ' ')
    .trim()
}

function groups(all: readonly Asked[], key: (a: Asked) => string): Asked[][] {
  const by = new Map<string, Asked[]>()
  for (const a of all) by.set(key(a), [...(by.get(key(a)) ?? []), a])
  return [...by.values()]
}

function finding(kind: Finding['kind'], of: readonly Asked[], reason: string): Finding {
  const times = of.map((a) => amount(a.node.event.metadata.get('duration')))
  const known = times.filter((ms) => ms !== undefined)
  const wasted = known.reduce((sum, ms) => sum + ms, 0) - (known.length === times.length ? Math.max(...known) : 0)
  return { kind, target: of[0]?.target ?? '', query: of[0]?.query ?? '', events: of.map((a) => a.node.event.id), wasted, reason }
}

/** "60 ms wasted", as far as it is known. */
export function wastedWords(f: Finding): string {
  return f.wasted > 0 ? `${duration(f.wasted)} wasted` : 'no durations known'
}
