import { useEffect, useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { Obj } from '../api/json.ts'
import { Boundary } from '../ui/Boundary.tsx'
import { Tree } from './Tree.tsx'

type Renderers = typeof import('../renderers/renderers.ts')
let loaded: Renderers | undefined

/**
 * The payload as its renderer shows it, and beneath it what that leaves out; as a tree where there is none. Before the
 * renderers are fetched nobody knows which, so nothing is shown; where they cannot be, all payloads are trees.
 */
export function Payload({ event: e }: { event: FirnEvent }) {
  const [, again] = useState(0)
  const [unreachable, setUnreachable] = useState(false)
  useEffect(() => {
    if (loaded) return
    import('../renderers/renderers.ts').then(
      (m) => {
        loaded = m
        again((n) => n + 1)
      },
      () => setUnreachable(true),
    )
  }, [])
  if (!loaded && !unreachable) return <div class="loading" aria-busy="true" />
  const renderer = loaded?.rendererOf(e)
  if (!renderer || !loaded) return <Members title="Payload" event={e} keys={undefined} />
  const rest = loaded.leftOver(renderer, e)
  return (
    <Boundary of="this payload by its type" key={e.id} instead={<Members title="Payload" event={e} keys={undefined} />}>
      <section class="rendered">
        <renderer.Body event={e} />
      </section>
      {rest.length > 0 && <Members title="More in the payload" event={e} keys={rest} />}
    </Boundary>
  )
}

function Members({ title, event: e, keys }: { title: string; event: FirnEvent; keys: readonly string[] | undefined }) {
  if (e.payload.size === 0) return null
  const value = keys ? new Obj(e.payload.entries.filter(([key]) => keys.includes(key))) : e.payload
  return (
    <section>
      <h2>{title}</h2>
      <Tree value={value} root="payload" />
    </section>
  )
}
