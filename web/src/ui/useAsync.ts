import { useCallback, useEffect, useState } from 'preact/hooks'

export interface Async<T> {
  value?: T
  fault?: unknown
  busy: boolean
  /** Asks again; what is shown stays until the answer is there. */
  reload(): void
}

/** What a function fetches, anew whenever one of deps changes. Answers that come too late are dropped. */
export function useAsync<T>(fetch: (abort: AbortSignal) => Promise<T>, deps: readonly unknown[]): Async<T> {
  const [state, setState] = useState<{ value?: T; fault?: unknown; busy: boolean }>({ busy: true })
  const [round, setRound] = useState(0)
  useEffect(() => {
    const abort = new AbortController()
    setState((s) => ({ ...s, busy: true }))
    fetch(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) setState({ value, busy: false })
      },
      (fault: unknown) => {
        if (!abort.signal.aborted) setState((s) => ({ ...s, fault, busy: false }))
      },
    )
    return () => abort.abort()
  }, [...deps, round])
  const reload = useCallback(() => setRound((n) => n + 1), [])
  return { ...state, reload }
}
