import { Virtualizer, observeElementRect, type VirtualItem } from '@tanstack/virtual-core'
import { useLayoutEffect, useReducer, useRef } from 'preact/hooks'

/** The height of a row in pixels; the same as --row in tokens.css. */
export const rowHeight = 26

/** Browsers cannot make an element higher than some 17 to 33 million pixels. */
export const highest = 12_000_000

/**
 * The number of rows that the virtualizer is told: rounded up, since it goes
 * over all rows whenever the number changes, and a live tail changes it with
 * every frame.
 */
const step = 8192

export interface Drawn {
  index: number
  /** From the top of the scrolled element. */
  top: number
}

export interface VirtualList {
  items: Drawn[]
  /** The height of the scrolled element. */
  height: number
  /** Scrolls so that a row is seen. */
  show(index: number, align?: 'auto' | 'start' | 'center' | 'end'): void
}

/**
 * Where a list of up to many millions of rows is: its own offset in pixels, and
 * that of the browser's scroll bar, which is shorter when the list is higher
 * than an element can be. Small movements are the same in both; the bar is set
 * right when it rests.
 */
class Scale {
  offset = 0
  bar = 0
  private settling = 0
  full = 0 // height of all rows
  /** The height of what is seen; asking the element would lay the page out. */
  seen = 0
  constructor(private readonly element: () => HTMLElement | null) {}

  get height(): number {
    return Math.min(this.full, highest)
  }
  private get scaled(): boolean {
    return this.full > highest
  }
  private ends(): [list: number, bar: number] {
    return [Math.max(0, this.full - this.seen), Math.max(0, this.height - this.seen)]
  }

  /** The browser has scrolled. */
  scrolled(to: number): void {
    const [list, bar] = this.ends()
    const moved = to - this.bar
    this.bar = to
    if (!this.scaled) this.offset = to
    else if (to <= 0) this.offset = 0
    else if (to >= bar - 1) this.offset = list
    else if (Math.abs(moved) < 3000) this.offset = Math.min(list, Math.max(0, this.offset + moved))
    else this.offset = (to / Math.max(1, bar)) * list
    if (this.scaled) {
      clearTimeout(this.settling)
      this.settling = setTimeout(() => this.settle(), 150)
    }
  }

  /** Puts the bar where the offset is in the whole. */
  private settle(): void {
    const element = this.element()
    const [list, bar] = this.ends()
    const at = Math.round((this.offset / Math.max(1, list)) * bar)
    if (!element || Math.abs(at - this.bar) < 2) return
    this.bar = at
    element.scrollTop = at
    element.dispatchEvent(new Event('settled'))
  }

  /** Puts the list at an offset; write makes the browser's bar follow, once the element has its height. */
  go(offset: number): void {
    const [list, bar] = this.ends()
    this.offset = Math.min(list, Math.max(0, offset))
    this.bar = this.scaled ? Math.round((this.offset / list) * bar) : this.offset
  }

  write(): void {
    const element = this.element()
    if (element) element.scrollTop = this.bar
  }
}

/**
 * Rows of one height, of which only those that are seen are drawn. A list that
 * is kept at an end stays there however it grows.
 */
export function useVirtual(count: number, element: { current: HTMLElement | null }, kept?: 'start' | 'end'): VirtualList {
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const made = useRef<{ v: Virtualizer<HTMLElement, HTMLElement>; scale: Scale } | undefined>(undefined)
  const state = (made.current ??= make(element, () => redraw(undefined)))
  const { v, scale } = state
  scale.full = count * rowHeight
  v.setOptions({ ...v.options, count: Math.ceil(count / step) * step })
  useLayoutEffect(() => v._didMount(), [v])
  useLayoutEffect(() => v._willUpdate())
  scale.seen = v.scrollRect?.height ?? 0
  if (kept) {
    scale.go(kept === 'end' ? scale.full : 0)
    v.scrollOffset = scale.offset
  }
  const seen = scale.seen
  useLayoutEffect(() => {
    if (kept) scale.write()
  }, [kept, count, seen])
  const shift = scale.bar - scale.offset
  const items: Drawn[] = []
  for (const item of v.getVirtualItems() as VirtualItem[]) {
    if (item.index < count) items.push({ index: item.index, top: item.start + shift })
  }
  return { items, height: scale.height, show: (index, align = 'auto') => show(scale, element.current, index, align, scale.seen) }
}

function show(scale: Scale, element: HTMLElement | null, index: number, align: 'auto' | 'start' | 'center' | 'end', seen: number): void {
  if (!element) return
  const top = index * rowHeight
  const before = scale.offset
  let to = before
  if (align === 'center') to = top - (seen - rowHeight) / 2
  else if (align === 'start' || (align === 'auto' && top < before)) to = top
  else if (align === 'end' || (align === 'auto' && top + rowHeight > before + seen)) to = top + rowHeight - seen
  if (to === before) return
  scale.go(to)
  scale.write()
  element.dispatchEvent(new Event('settled'))
}

function make(element: { current: HTMLElement | null }, redraw: () => void) {
  const scale = new Scale(() => element.current)
  const v = new Virtualizer<HTMLElement, HTMLElement>({
    count: 0,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    overscan: 10,
    observeElementRect,
    observeElementOffset: (instance, changed) => {
      const scroller = instance.scrollElement
      if (!scroller) return
      const scrolled = (e: Event) => {
        const top = scroller.scrollTop
        if (e.type === 'scroll' && Math.abs(top - scale.bar) < 1) return // our own doing
        if (e.type === 'scroll') scale.scrolled(top)
        changed(scale.offset, false)
        redraw()
      }
      scroller.addEventListener('scroll', scrolled, { passive: true })
      scroller.addEventListener('settled', scrolled)
      changed(scale.offset, false)
      return () => {
        scroller.removeEventListener('scroll', scrolled)
        scroller.removeEventListener('settled', scrolled)
      }
    },
    scrollToFn: (offset) => {
      scale.go(offset)
      scale.write()
    },
    onChange: redraw,
  })
  return { v, scale }
}
