import { useEffect, useState } from 'preact/hooks'
import { arrivals, opened } from './session.ts'
import { scope, type Scope } from './scope.ts'

/**
 * What the server computes over the whole result of the scope: asked when the
 * scope changes, and while events arrive again and again, but never so often
 * that the server does little else.
 */
export function useFigures<T>(ask: (now: Scope, abort: AbortSignal) => Promise<T>, deps: readonly unknown[] = []): { value: T | undefined; fault: unknown; busy: boolean } {
  const [state, setState] = useState<{ value: T | undefined; fault: unknown; busy: boolean }>({ value: undefined, fault: undefined, busy: true })
  const now = scope.value
  const go = opened.value
  useEffect(() => {
    if (!now || !go) return
    const abort = new AbortController()
    let timer = 0
    const round = async () => {
      const begun = performance.now()
      const seen = arrivals.peek()
      try {
        const value = await ask(now, abort.signal)
        if (abort.signal.aborted) return
        setState({ value, fault: undefined, busy: false })
      } catch (fault) {
        if (abort.signal.aborted) return
        setState((s) => ({ ...s, fault, busy: false }))
      }
      const rest = Math.min(60_000, Math.max(1_500, (performance.now() - begun) * 20))
      timer = setTimeout(() => again(seen), rest)
    }
    const again = (seen: number) => {
      if (arrivals.peek() !== seen && !document.hidden) void round()
      else if (now.live) timer = setTimeout(() => again(seen), 1_000)
    }
    setState((s) => ({ ...s, busy: true }))
    void round()
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [now, go, ...deps])
  return state
}
