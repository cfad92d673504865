import { computed, signal } from '@preact/signals'
import { Component } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { importance, type FirnEvent } from '../api/event.ts'
import { setParams } from '../route.ts'
import { Empty, Fault } from '../ui/State.tsx'
import { count as written, dayAndClock, plural } from '../ui/time.ts'
import type { Rows } from './rows.ts'
import { filterText, live, newestFirst, refresh, selectedId, since, until } from './scope.ts'
import { gaps, rows } from './session.ts'
import { durationOf, failed, summaryOf } from './summary.ts'
import { rowHeight, useVirtual } from './virtual.ts'

/** The row that the keys move, counted from the oldest; -1 is none. */
export const cursor = signal(-1)
/** Whether the list follows what arrives, because its newest end is in view. */
export const following = signal(true)
/** How many rows there were when it stopped following. */
const stoppedAt = signal(0)

/** How many events arrived that were not looked at. */
export const unseen = computed(() => (following.value || !rows.value ? 0 : Math.max(0, rows.value.count.value - stoppedAt.value)))

let scrollTo: ((index: number, align?: 'auto' | 'center' | 'end') => void) | undefined

/** Goes to the newest event, and follows again. */
export function toNewest(): void {
  following.value = true
  const n = rows.value?.count.value ?? 0
  scrollTo?.(n - 1, 'end')
}

/** Moves the cursor to a row and scrolls there. */
export function moveTo(index: number, align: 'auto' | 'center' = 'auto'): void {
  const n = rows.value?.count.value ?? 0
  if (n === 0) return
  cursor.value = Math.min(n - 1, Math.max(0, index))
  if (cursor.value < n - 1) stopFollowing(n)
  scrollTo?.(cursor.value, align)
}

function stopFollowing(n: number): void {
  if (!following.peek()) return
  stoppedAt.value = n
  following.value = false
}

/** The list of the events, of which only the visible rows are drawn. */
export function List() {
  const all = rows.value
  if (!all) return <div class="list" />
  if (all.fault.value && all.count.value === 0) return <Fault of={all.fault.value} retry={refresh} />
  if (all.state.value === 'asking') return <div class="list loading" aria-busy="true" />
  if (all.count.value === 0) return <Nothing />
  return <Lines all={all} key={String(newestFirst.value)} />
}

function Nothing() {
  if (live.value) return <Empty title="Waiting for events">They appear here as they are stored.</Empty>
  if (filterText.value || since.value || until.value) {
    return (
      <Empty title="No event matches">
        <p>
          <button type="button" onClick={() => setParams({ q: null, since: null, until: null })}>
            Drop filter and times
          </button>
        </p>
      </Empty>
    )
  }
  return (
    <Empty title="No events yet">
      <p>
        Append one: <code>firn append --type hello --payload '{'{"message":"hi"}'}'</code>
      </p>
    </Empty>
  )
}

function Lines({ all }: { all: Rows }) {
  const scroller = useRef<HTMLDivElement>(null)
  const reversed = newestFirst.value
  const n = all.count.value
  // Newest first, new rows would push down what is read: it grows only while its top is in view.
  const shown = reversed && !following.value ? Math.min(n, stoppedAt.value) : n
  const { items, height, show } = useVirtual(shown, scroller, following.value ? (reversed ? 'start' : 'end') : undefined)
  const version = all.version.value
  const toView = (index: number) => (reversed ? shown - 1 - index : index)
  scrollTo = (index, align) => show(toView(index), align === 'end' && reversed ? 'auto' : align)
  // Rows that leave at one end come in again at the other: the page's elements stay
  // the same, and in the same order, and only their places and texts change.
  const slots = useRef(1)
  slots.current = Math.max(slots.current, items.length)
  const slotted = [...items].sort((a, b) => (a.index % slots.current) - (b.index % slots.current))
  const first = items[0]?.index ?? 0
  const last = items[items.length - 1]?.index ?? 0
  useEffect(() => {
    const [a, b] = [toView(first), toView(last)]
    all.need(Math.min(a, b), Math.max(a, b) + 1)
  }, [all, first, last, version, shown])
  useLayoutEffect(() => () => void (following.value = true), [all])
  useLayoutEffect(() => void performance.mark('first rows'), [])
  const before = useRef(0)
  const onScroll = () => {
    const el = scroller.current
    if (!el) return
    const top = el.scrollTop
    const atNewest = reversed ? top < rowHeight : top + el.clientHeight >= el.scrollHeight - rowHeight
    // Rows that came in between have moved the end away; only who scrolls leaves it.
    const left = reversed ? top > before.current : top < before.current
    if (atNewest) following.value = true
    else if (left) stopFollowing(n)
    before.current = top
  }
  const active = cursor.value
  return (
    <div
      ref={scroller}
      class="list"
      id="list"
      role="listbox"
      aria-label="Events"
      tabIndex={0}
      aria-activedescendant={active >= 0 ? `row-${active}` : undefined}
      onScroll={onScroll}
      onClick={(e) => clicked(e, all)}
    >
      <div class="rows" style={{ height: `${height}px` }} role="presentation">
        {slotted.map((item) => {
          const index = toView(item.index)
          const event = all.get(index)
          return (
            <Row
              key={item.index % slots.current}
              index={index}
              of={n}
              top={item.top}
              event={event}
              active={index === active}
              selected={event !== undefined && event.id !== '' && event.id === selectedId.value}
            />
          )
        })}
      </div>
    </div>
  )
}

function clicked(e: MouseEvent, all: Rows): void {
  const row = (e.target as Element).closest<HTMLElement>('[data-row]')
  if (!row) return
  cursor.value = Number(row.dataset.row)
  if (cursor.value < all.count.value - 1) stopFollowing(all.count.value)
  open(all.get(cursor.value))
}

/** Opens an event beside the list. */
export function open(e: FirnEvent | undefined): void {
  if (e?.id) setParams({ event: e.id }, selectedId.value !== '')
}

interface RowProps {
  index: number
  of: number
  top: number
  event: FirnEvent | undefined
  active: boolean
  selected: boolean
}

/** One row; drawn again only when something of it changes. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props
    return (
      next.event !== now.event || next.top !== now.top || next.index !== now.index || next.active !== now.active || next.selected !== now.selected || next.of !== now.of
    )
  }
  override render({ index, of, top, event: e, active, selected }: RowProps) {
    const n = e ? importance(e.severity) : 0
    return (
      <div
        id={`row-${index}`}
        data-row={index}
        role="option"
        aria-selected={selected}
        aria-setsize={of}
        aria-posinset={index + 1}
        class={`row${active ? ' active' : ''}${selected ? ' selected' : ''}${e && failed(e) ? ' failed' : ''}`}
        style={{ transform: `translateY(${top}px)` }}
      >
        {e ? (
          <>
            <span class="time">{dayAndClock(e.timestamp)}</span>
            <span class={`severity s${n}`}>
              <i aria-hidden="true" />
              {e.severity}
            </span>
            <span class="type">{e.event_type}</span>
            <span class="stream">{e.stream_id}</span>
            <span class="text">
              {failed(e) && <b class="fail">failed</b>}
              {summaryOf(e)}
            </span>
            <span class="actor">{e.actor}</span>
            <span class="took">{durationOf(e)}</span>
          </>
        ) : (
          <span class="pending">…</span>
        )}
      </div>
    )
  }
}

/** What is told above the list: how many there are, and what the tail could not bring. */
export function ListNotes() {
  const all = rows.value
  if (!all) return null
  return (
    <>
      <span class="total" role="status">
        {all.counted.value ? plural(all.count.value, 'event') : all.state.value === 'there' ? 'counting …' : ''}
      </span>
      {gaps.value.map((g) => (
        <span class="skipped" key={g.first}>
          {written(g.last - g.first + 1)} skipped: positions {written(g.first)} to {written(g.last)} {g.lost ? 'were lost to damage' : 'were removed'} before they
          could be delivered
        </span>
      ))}
      {all.fault.value !== undefined && <span class="skipped">{all.fault.value instanceof Error ? all.fault.value.message : 'asking failed'}</span>}
    </>
  )
}
