import type { ComponentType, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

type Module<P> = { default: ComponentType<P> }

/** A component in a chunk of its own, fetched when it is first shown. */
export function lazy<P extends object>(load: () => Promise<Module<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined
  return function Lazy(props: P): JSX.Element | null {
    const [, again] = useState(0)
    const [fault, setFault] = useState<unknown>()
    useEffect(() => {
      if (loaded) return
      load().then(
        (m) => {
          loaded = m.default
          again((n) => n + 1)
        },
        (e: unknown) => setFault(e),
      )
    }, [])
    if (fault) throw new Error('a part of the viewer could not be fetched; reload the page')
    const Loaded = loaded
    return Loaded ? <Loaded {...props} /> : <div class="loading" aria-busy="true" />
  }
}
