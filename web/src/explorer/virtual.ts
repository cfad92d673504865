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
  constructor(private readonly element: () => HTMLElement | null) {}

  full = 0 // height of all rows

  get height(): number {
    return Math.min(this.full, highest)
  }
  private get scaled(): boolean {
    return this.full > highest
  }
  private ends(): [list: number, bar: number] {
    const seen = this.element()?.clientHeight ?? 0
    return [Math.max(1, this.full - seen), Math.max(1, this.height - seen)]
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
    else this.offset = (to / bar) * list
    if (this.scaled) {
      clearTimeout(this.settling)
      this.settling = setTimeout(() => this.settle(), 150)
    }
  }

  /** Puts the bar where the offset is in the whole. */
  private settle(): void {
    const element = this.element()
    const [list, bar] = this.ends()
    const at = Math.round((this.offset / list) * bar)
    if (!element || Math.abs(at - this.bar) < 2) return
    this.bar = at
    element.scrollTop = at
    element.dispatchEvent(new Event('settled'))
  }

  /** Goes to an offset of the list. */
  go(offset: number): void {
    const element = this.element()
    const [list, bar] = this.ends()
    this.offset = Math.min(list, Math.max(0, offset))
    this.bar = this.scaled ? Math.round((this.offset / list) * bar) : this.offset
    if (element) element.scrollTop = this.bar
    if (element && !this.scaled) this.bar = element.scrollTop
  }
}

/** Rows of one height, of which only those that are seen are drawn. */
export function useVirtual(count: number, element: { current: HTMLElement | null }): VirtualList {
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const made = useRef<{ v: Virtualizer<HTMLElement, HTMLElement>; scale: Scale } | undefined>(undefined)
  const state = (made.current ??= make(element, () => redraw(undefined)))
  const { v, scale } = state
  scale.full = count * rowHeight
  v.setOptions({ ...v.options, count: Math.ceil(count / step) * step })
  useLayoutEffect(() => v._didMount(), [v])
  useLayoutEffect(() => v._willUpdate())
  const shift = scale.bar - scale.offset
  const items: Drawn[] = []
  for (const item of v.getVirtualItems() as VirtualItem[]) {
    if (item.index < count) items.push({ index: item.index, top: item.start + shift })
  }
  return { items, height: scale.height, show: (index, align = 'auto') => show(scale, element.current, index, align) }
}

function show(scale: Scale, element: HTMLElement | null, index: number, align: 'auto' | 'start' | 'center' | 'end'): void {
  if (!element) return
  const seen = element.clientHeight
  const top = index * rowHeight
  const before = scale.offset
  let to = before
  if (align === 'center') to = top - (seen - rowHeight) / 2
  else if (align === 'start' || (align === 'auto' && top < before)) to = top
  else if (align === 'end' || (align === 'auto' && top + rowHeight > before + seen)) to = top + rowHeight - seen
  if (to === before) return
  scale.go(to)
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
      const scrolled = () => {
        if (scroller.scrollTop !== scale.bar) scale.scrolled(scroller.scrollTop)
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
    scrollToFn: (offset) => scale.go(offset),
    onChange: redraw,
  })
  return { v, scale }
}
