import { importance, type FirnEvent } from '../../api/event.ts'
import type { Value } from '../../api/json.ts'
import { amount } from '../../renderers/payload.ts'

// A request is a scheme of the web debug protocol: events, oldest to newest, with
// others nested in them. The log holds them flat, in their order.

export interface Node {
  event: FirnEvent
  depth: number
  children: Node[]
  /** Milliseconds since the epoch at which it began; undefined where the scheme said nothing of it. */
  start: number | undefined
  duration: number | undefined
}

/** Puts the events of a scheme together again: in the order of the scheme, nested as they were. */
export function treeOf(events: readonly FirnEvent[]): Node[] {
  const ordered = events.filter((e) => e.event_type !== 'scheme').sort((a, b) => indexOf(a) - indexOf(b) || a.position - b.position)
  const known = new Map<string, Node>()
  const roots: Node[] = []
  for (const event of ordered) {
    const parent = known.get(textOf(event.metadata.get('parent_id')) ?? '')
    const node: Node = {
      event, depth: parent ? parent.depth + 1 : 0, children: [],
      start: hasTime(event) ? Date.parse(event.timestamp) : undefined,
      duration: amount(event.metadata.get('duration')),
    }
    if (parent) parent.children.push(node)
    else roots.push(node)
    known.set(event.id, node)
  }
  return roots
}

const textOf = (v: Value | undefined): string | undefined => (typeof v === 'string' ? v : undefined)
const indexOf = (e: FirnEvent): number => amount(e.metadata.get('index')) ?? Number.MAX_SAFE_INTEGER

/**
 * Whether the event said when it happened: without its time the log has the one
 * at which it arrived, and the envelope, which is kept then, does not name it.
 */
export function hasTime(e: FirnEvent): boolean {
  const envelope = e.metadata.get('envelope')
  return !Array.isArray(envelope) || (envelope as readonly Value[]).includes('time')
}

/** All nodes in their order, those nested in others behind them. */
export function flat(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((n) => [n, ...flat(n.children)])
}

/** The tree with the events for which keep holds, and what they are nested in. */
export function pruned(nodes: readonly Node[], keep: (e: FirnEvent) => boolean): Node[] {
  return nodes.flatMap((n) => {
    const children = pruned(n.children, keep)
    return keep(n.event) || children.length > 0 ? [{ ...n, children }] : []
  })
}

export interface Span {
  from: number
  to: number
}

/** From the first beginning to the last end; undefined where no event has a time. */
export function spanOf(nodes: readonly Node[]): Span | undefined {
  let from = Infinity
  let to = -Infinity
  for (const { start, duration } of flat(nodes)) {
    if (start === undefined) continue
    from = Math.min(from, start)
    to = Math.max(to, start + (duration ?? 0))
  }
  return from === Infinity ? undefined : { from, to }
}

/** Where a bar lies in the waterfall, as percentages of its width; undefined where it has no place. */
export function barOf(n: Node, span: Span | undefined): { left: number; width: number } | undefined {
  if (!span || n.start === undefined) return undefined
  const all = Math.max(span.to - span.from, 1)
  const left = ((n.start - span.from) / all) * 100
  return { left, width: Math.min(((n.duration ?? 0) / all) * 100, 100 - left) }
}

/** Importance 1–8; what says none is info. */
export const importanceOf = (e: FirnEvent): number => importance(e.severity) || 2
