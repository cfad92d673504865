import { computed, effect, signal, untracked } from '@preact/signals'
import { Rows } from './rows.ts'
import { scope, type Scope } from './scope.ts'
import { follow, type TailState } from '../api/tail.ts'
import type { Problem } from '../api/http.ts'

// The rows of the scope that the URL names, and the tail that adds to them.
// They begin anew when the scope changes.

export interface Gap {
  first: number
  last: number
  lost: boolean
}

export const rows = signal<Rows | undefined>(undefined)
/** The first rows are there; until then the server has nothing else to do for the page. */
export const opened = computed(() => rows.value !== undefined && (rows.value.state.value === 'there' || rows.value.fault.value !== undefined))
/** The connection of the live tail; idle when it is off. */
export const connection = signal<TailState | 'idle'>('idle')
export const refusal = signal<Problem | undefined>(undefined)
/** Ranges that the tail could not deliver. */
export const gaps = signal<readonly Gap[]>([])
/** Counts arrivals; for what shows that something came, and asks the server again. */
export const arrivals = signal(0)

/** Opens what scope says, and follows it while it is live. Returns how to stop. */
export function run(): () => void {
  let stop = () => {}
  const dispose = effect(() => {
    const now = scope.value
    stop()
    stop = () => {}
    untracked(() => {
      gaps.value = []
      refusal.value = undefined
      connection.value = 'idle'
      if (now) stop = begin(now)
      else rows.value = undefined
    })
  })
  return () => {
    dispose()
    stop()
    rows.value = undefined
  }
}

function begin(now: Scope): () => void {
  const abort = new AbortController()
  const made = new Rows(now.instance, now.where, abort.signal)
  rows.value = made
  void open(made, now, abort.signal)
  return () => abort.abort()
}

async function open(made: Rows, now: Scope, abort: AbortSignal): Promise<void> {
  try {
    const behind = await made.open()
    if (now.live && !abort.aborted) tail(made, now, behind, abort)
    await made.countAll()
  } catch (e) {
    if (!abort.aborted) made.fault.value = e
  }
}

/** The least time between two additions: faster, nobody could tell the rows from each other. */
const pace = 100

/** Adds what arrives: the first of it with the next frame, a flood of it ten times a second. */
function tail(made: Rows, now: Scope, after: number, abort: AbortSignal): void {
  let texts: string[] = []
  let last = after
  let waiting = false
  let added = 0
  const flush = () => {
    waiting = false
    if (abort.aborted) return
    added = performance.now()
    const batch = texts
    texts = []
    made.append(batch, last)
    arrivals.value += batch.length
  }
  const soon = () => {
    if (waiting) return
    waiting = true
    const rest = added + pace - performance.now()
    // A hidden page has no frames, but its rows must not pile up.
    if (document.hidden || rest > 0) setTimeout(flush, document.hidden ? 250 : rest)
    else requestAnimationFrame(flush)
  }
  const following = follow(now.instance, now.where, after, {
    arrived(more, to) {
      texts = texts.length === 0 ? more : texts.concat(more)
      last = to
      soon()
    },
    gap(first, to, lost) {
      gaps.value = [...gaps.value, { first, last: to, lost }]
    },
    state(is, why) {
      connection.value = is
      refusal.value = why
    },
  })
  abort.addEventListener('abort', () => following.stop())
}
