import { signal } from '@preact/signals'
import { parseEvent, type FirnEvent } from '../api/event.ts'
import { Num } from '../api/json.ts'
import { queryCount, queryEvents, type Condition } from '../api/query.ts'
import { rowFields } from './summary.ts'

const size = 256 // rows a block
const kept = 160 // blocks in memory; the others are asked for again
const together = 3 // requests at a time

/** A row that is there; the text of a live event is read when it is looked at. */
type Row = FirnEvent | string | undefined

/**
 * The events of a filter in append order, as a list that is as long as the
 * result and holds what is looked at. Row 0 is the oldest. New events go to the
 * end, so the number of a row never changes; rows are asked for from the nearer
 * end, or from a neighbour that is there, so that no page costs the whole log.
 */
export class Rows {
  /** How many there are; until it is known, how many are there already. */
  readonly count = signal(0)
  /** Changes when rows have come or gone. */
  readonly version = signal(0)
  readonly state = signal<'asking' | 'there'>('asking')
  /** Whether count is the whole result's. */
  readonly counted = signal(false)
  readonly fault = signal<unknown>(undefined)

  private readonly blocks = new Map<number, Row[]>()
  private readonly asked = new Set<number>()
  private wanted: [number, number] = [0, 0]
  private timer: number | undefined
  /** The position of the last row; what is behind it is not counted. */
  private last = 0
  /** The position that the list was cleared at. */
  private cleared = 0
  /** Arrived before the count was known. */
  private early: [string[], number][] = []

  constructor(
    readonly instance: string,
    readonly where: readonly Condition[],
    private readonly abort: AbortSignal,
  ) {}

  /** Fetches the newest rows, then how many there are. Returns the position behind which new events are. */
  async open(): Promise<number> {
    let latest = await this.page(this.where, 'desc', size)
    if (latest.length === 0) {
      // Nothing matches yet: new events are those behind the head of the log as it is now.
      const head = (await this.page([], 'desc', 1, ['position']))[0]?.position ?? 0
      this.last = head
      latest = await this.page([...this.where, upTo(head)], 'desc', size)
    }
    this.last = latest[0]?.position ?? this.last
    this.put(latest.reverse(), 0)
    this.state.value = 'there'
    if (latest.length < size) this.settle(latest.length)
    return this.last
  }

  /** Counts what open found, if that was not all. */
  async countAll(): Promise<void> {
    if (this.counted.value) return
    const first = this.blocks.get(0) ?? []
    const found = await queryCount(this.instance, [...this.where, upTo(this.last)], this.abort)
    const n = Math.max(found, first.length) // fewer, where retention came in between
    this.blocks.clear()
    this.asked.clear()
    this.put(first as FirnEvent[], n - first.length)
    this.settle(n)
  }

  private settle(n: number): void {
    this.count.value = n
    this.counted.value = true
    for (const [texts, last] of this.early) this.append(texts, last)
    this.early = []
  }

  /** Puts new events at the end. */
  append(texts: string[], last: number): void {
    if (!this.counted.value) {
      this.early.push([texts, last])
      return
    }
    let i = this.count.value
    for (const text of texts) this.set(i++, text)
    this.last = last
    this.count.value = i
    this.forget()
    this.version.value++
  }

  /** Empties the list: what is behind position is in it from now on. */
  clear(): void {
    this.blocks.clear()
    this.asked.clear()
    this.early = []
    this.cleared = this.last
    this.settle(0)
    this.version.value++
  }

  /** The conditions of what is in the list. */
  private get bounds(): Condition[] {
    const all: Condition[] = [...this.where, upTo(this.last)]
    if (this.cleared > 0) all.push(position('gt', this.cleared))
    return all
  }

  /** The row, or undefined while it is not there; ask for it with need. */
  get(i: number): FirnEvent | undefined {
    const block = this.blocks.get(Math.floor(i / size))
    const row = block?.[i % size]
    if (typeof row !== 'string') return row
    return (block![i % size] = parseRow(row))
  }

  /** Says which rows are looked at; those that are missing are fetched. */
  need(from: number, to: number): void {
    this.wanted = [Math.max(0, from), Math.min(this.count.value, to)]
    if (!this.counted.value || this.missing().length === 0) return
    clearTimeout(this.timer)
    // A scroll bar that is dragged passes many rows; wait until it rests.
    this.timer = setTimeout(() => this.fetchMissing(), 40)
  }

  private missing(): number[] {
    const [from, to] = this.wanted
    const all: number[] = []
    for (let b = Math.floor(from / size); b * size < to; b++) {
      if (!this.whole(b) && !this.asked.has(b)) all.push(b)
    }
    return all
  }

  private whole(b: number): boolean {
    const block = this.blocks.get(b)
    if (!block) return false
    const n = Math.min(size, this.count.value - b * size)
    for (let i = 0; i < n; i++) if (block[i] === undefined) return false
    return true
  }

  private fetchMissing(): void {
    for (const b of this.missing()) {
      if (this.asked.size >= together || this.abort.aborted) return
      this.asked.add(b)
      void this.fetchBlock(b).then(
        () => this.fetched(b),
        (e: unknown) => this.failed(b, e),
      )
    }
  }

  /** Tells the fault, and asks again: a server that was busy or gone may be back. */
  private failed(b: number, e: unknown): void {
    this.asked.delete(b)
    if (this.abort.aborted) return
    this.fault.value = e
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.fetchMissing(), 1500)
  }

  private fetched(b: number): void {
    this.asked.delete(b)
    this.fault.value = undefined
    this.forget()
    this.version.value++
    this.fetchMissing()
  }

  private async fetchBlock(b: number): Promise<void> {
    const from = b * size
    const n = this.count.value
    const to = Math.min(n, from + size)
    const before = this.get(from - 1)?.position
    const behind = this.get(to)?.position
    const end = this.bounds
    if (before !== undefined) {
      this.fill(await this.page([...end, position('gt', before)], 'asc', to - from), from, to)
    } else if (behind !== undefined) {
      this.fillBack(await this.page([...end, position('lt', behind)], 'desc', to - from), from, to)
    } else if (from < n / 2) {
      this.fill(await this.page(end, 'asc', to - from, rowFields, from), from, to)
    } else {
      this.fillBack(await this.page(end, 'desc', to - from, rowFields, n - to), from, to)
    }
  }

  /** Rows that retention or a purge took away in the meantime leave places that nothing is at. */
  private fill(events: FirnEvent[], from: number, to: number): void {
    for (let i = from; i < to; i++) this.set(i, events[i - from] ?? gone)
  }
  private fillBack(events: FirnEvent[], from: number, to: number): void {
    for (let i = to - 1; i >= from; i--) this.set(i, events[to - 1 - i] ?? gone)
  }

  private put(events: FirnEvent[], from: number): void {
    events.forEach((e, i) => this.set(from + i, e))
    if (!this.counted.value) this.count.value = from + events.length
    this.version.value++
  }

  private set(i: number, row: Row): void {
    const b = Math.floor(i / size)
    let block = this.blocks.get(b)
    if (!block) this.blocks.set(b, (block = []))
    block[i % size] = row
  }

  /** Drops the blocks that are farthest from what is looked at. */
  private forget(): void {
    if (this.blocks.size <= kept) return
    const middle = (this.wanted[0] + this.wanted[1]) / 2 / size
    const far = [...this.blocks.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle))
    const end = Math.floor(this.count.value / size) // being filled
    for (const b of far.slice(0, this.blocks.size - Math.floor(kept * 0.75))) if (b < end) this.blocks.delete(b)
  }

  private async page(where: readonly Condition[], direction: 'asc' | 'desc', limit: number, select = rowFields, offset = 0): Promise<FirnEvent[]> {
    const q = { instance: this.instance, where, select, orderBy: { field: 'position', direction }, limit, total: false }
    return (await queryEvents(offset > 0 ? { ...q, offset } : q, this.abort)).events
  }
}

/** Stands where a row was removed since it was counted. */
export const gone: FirnEvent = parseEvent('{"event_type":"removed"}')

function parseRow(text: string): FirnEvent {
  try {
    return parseEvent(text)
  } catch {
    return gone
  }
}

const position = (operator: string, p: number): Condition => ({ field: 'position', operator, value: new Num(String(p)) })
const upTo = (p: number): Condition => position('lte', p)
