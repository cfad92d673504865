import { useEffect, useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { Obj } from '../api/json.ts'
import type { Renderer } from '../renderers/registry.ts'
import { Boundary } from '../ui/Boundary.tsx'
import { CopyButton } from '../ui/Copy.tsx'
import { Field, Fields } from '../ui/Fields.tsx'
import { Severity } from '../ui/Severity.tsx'
import { fullTime } from '../ui/time.ts'
import { Raw } from './Raw.tsx'
import { Tree } from './Tree.tsx'

/** Everything about one event. */
export function Detail({ instance, event: e }: { instance: string; event: FirnEvent }) {
  return (
    <div class="detail">
      <header>
        <h1>{e.event_type}</h1>
        <Severity of={e.severity} />
      </header>
      <Fields>
        <Field name="time">{fullTime(e.timestamp)}</Field>
        <Field name="instance">{instance}</Field>
        <Field name="stream">{e.stream_id}</Field>
        <Field name="actor">{e.actor}</Field>
        <Field name="subject">{e.subject}</Field>
        <Field name="id">
          <code>{e.id}</code> <CopyButton text={e.id} what="the id" />
        </Field>
      </Fields>
      <Boundary of="this event" key={e.id} instead={<Raw event={e} />}>
        <Payload event={e} />
        {e.metadata.size > 0 && (
          <section>
            <h2>Metadata</h2>
            <Tree value={e.metadata} root="metadata" />
          </section>
        )}
      </Boundary>
    </div>
  )
}

type Renderers = typeof import('../renderers/renderers.ts')
let loaded: Renderers | undefined

/** The payload as its renderer shows it, and beneath it what that leaves out. */
function Payload({ event: e }: { event: FirnEvent }) {
  const [, again] = useState(0)
  useEffect(() => {
    if (!loaded) {
      void import('../renderers/renderers.ts').then((m) => {
        loaded = m
        again((n) => n + 1)
      })
    }
  }, [])
  const renderer: Renderer | undefined = loaded?.rendererOf(e)
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
