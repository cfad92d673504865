import { useState } from 'preact/hooks'
import { failed, summaryOf } from '../../explorer/summary.ts'
import { setParams } from '../../route.ts'
import { count, duration } from '../../ui/time.ts'
import { barOf, flat, importanceOf, spanOf, type Node, type Span } from './tree.ts'

const page = 300 // rows shown at a time

/** The events of a request as a tree, oldest to newest, each with its place in time. */
export function Waterfall({ tree, whole, selected }: { tree: readonly Node[]; whole: readonly Node[]; selected: string }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const [shown, setShown] = useState(page)
  const span = spanOf(whole)
  const rows: Node[] = []
  const add = (nodes: readonly Node[]) => {
    for (const n of nodes) {
      rows.push(n)
      if (!closed.has(n.event.id)) add(n.children)
    }
  }
  add(tree)
  const toggle = (id: string) => {
    const next = new Set(closed)
    if (!next.delete(id)) next.add(id)
    setClosed(next)
  }
  const begin = Math.max(0, Math.min(shown, rows.length))
  return (
    <section aria-label="Events of the request" class="card waterfall">
      <Scale of={span} />
      {rows.length === 0 && <p class="muted">No event matches the filter.</p>}
      <ol onKeyDown={move}>
        {rows.slice(0, begin).map((n) => (
          <Row key={n.event.id} node={n} span={span} here={n.event.id === selected} open={!closed.has(n.event.id)} toggle={() => toggle(n.event.id)} />
        ))}
      </ol>
      {rows.length > begin && (
        <button type="button" class="small" onClick={() => setShown(shown + 5 * page)}>
          {count(rows.length - begin)} more
        </button>
      )}
    </section>
  )
}

/** j, k and the arrows go from event to event. */
function move(e: KeyboardEvent): void {
  const by = e.key === 'ArrowDown' || e.key === 'j' ? 1 : e.key === 'ArrowUp' || e.key === 'k' ? -1 : 0
  if (by === 0 || e.ctrlKey || e.metaKey || e.altKey) return
  const all = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.entry')]
  const at = all.findIndex((one) => one.parentElement?.contains(document.activeElement))
  all[at + by]?.focus()
  e.preventDefault()
}

function Scale({ of }: { of: Span | undefined }) {
  if (!of) return <p class="muted">No event says when it happened, so there is no waterfall.</p>
  return (
    <div class="scale" aria-hidden="true">
      {[0, 0.25, 0.5, 0.75, 1].map((part) => (
        <span key={part}>{duration((of.to - of.from) * part)}</span>
      ))}
    </div>
  )
}

function Row({ node, span, here, open, toggle }: { node: Node; span: Span | undefined; here: boolean; open: boolean; toggle: () => void }) {
  const { event: e } = node
  const bar = barOf(node, span)
  const inside = flat(node.children).length
  const took = node.duration === undefined ? '' : duration(node.duration)
  const began = node.start === undefined || !span ? 'at an unknown time' : `${duration(node.start - span.from)} after the start`
  return (
    <li class={`${here ? 'here ' : ''}${failed(e) ? 'failed' : ''}`} data-depth={node.depth}>
      <span class="branch" style={{ width: `${Math.min(node.depth, 16) * 14}px` }} />
      {inside > 0 ? (
        <button type="button" class="fold" aria-expanded={open} aria-label={`${open ? 'Hide' : 'Show'} the ${count(inside)} events in this one`} onClick={toggle}>
          <i aria-hidden="true" />
        </button>
      ) : (
        <span class="leaf" />
      )}
      <button type="button" class="entry" aria-current={here ? 'true' : undefined} onClick={() => setParams({ event: e.id })}>
        <span class={`what s${importanceOf(e)}`}>{e.event_type}</span>
        {failed(e) && <b class="fail">failed</b>}
        <span class="text">{summaryOf(e)}</span>
        <span class="took">{took}</span>
        <span class="sr">, {began}</span>
      </button>
      <span class="track" aria-hidden="true" title={`${began}${took && `, ${took}`}`}>
        {bar && <i class={`extent s${importanceOf(e)}`} style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />}
      </span>
    </li>
  )
}
