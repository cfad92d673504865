import { useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { eventPath, withParams } from '../route.ts'
import { failed } from '../explorer/summary.ts'
import { Boundary } from '../ui/Boundary.tsx'
import { CopyButton } from '../ui/Copy.tsx'
import { Link } from '../ui/Link.tsx'
import { Severity } from '../ui/Severity.tsx'
import { fullTime, since } from '../ui/time.ts'
import { Narrow } from './Narrow.tsx'
import { Payload } from './Payload.tsx'
import { Raw } from './Raw.tsx'
import { Tree } from './Tree.tsx'

interface Props {
  instance: string
  event: FirnEvent
  /** Where it stands beside a list: how to close it, and to go on in its stream. */
  close?: () => void
  step?: (by: -1 | 1) => void
}

/** Everything about one event. */
export function Detail({ instance, event: e, close, step }: Props) {
  const [raw, setRaw] = useState(false)
  return (
    <article class={`detail${failed(e) ? ' failed' : ''}`}>
      <header>
        <div class="title">
          <h1>{e.event_type}</h1>
          {close && (
            <button type="button" class="quiet" aria-label="Close" title="Close (Esc)" onClick={close}>
              ×
            </button>
          )}
        </div>
        <p class="line">
          <Severity of={e.severity} />
          {failed(e) && <b class="fail">failed</b>}
          <time dateTime={e.timestamp} title={e.timestamp}>
            {fullTime(e.timestamp)}
          </time>
          <span class="muted">{since(e.timestamp)}</span>
        </p>
        <div class="actions">
          {step && (
            <>
              <button type="button" class="small" title="Previous event of the stream ([)" onClick={() => step(-1)}>
                ← previous in stream
              </button>
              <button type="button" class="small" title="Next event of the stream (])" onClick={() => step(1)}>
                next in stream →
              </button>
            </>
          )}
          <InStream instance={instance} event={e} />
          <Link href={eventPath(instance, e.id)} class="button">
            permalink
          </Link>
          <button type="button" class="small" aria-pressed={raw} onClick={() => setRaw(!raw)}>
            raw
          </button>
          <CopyButton text={e.raw} what="the event as JSON" label="copy JSON" />
        </div>
      </header>
      {raw ? (
        <Raw event={e} />
      ) : (
        <Boundary of="this event" key={e.id} instead={<Raw event={e} />}>
          <Payload event={e} />
          {e.metadata.size > 0 && (
            <section>
              <h2>Metadata</h2>
              <Tree value={e.metadata} root="metadata" />
            </section>
          )}
          <Envelope event={e} />
        </Boundary>
      )}
    </article>
  )
}

/** The explorer at this event, with nothing but its stream. */
function InStream({ instance, event: e }: { instance: string; event: FirnEvent }) {
  const q = `stream_id=${/^[^\s()=!<>~,"[\]{}]+$/.test(e.stream_id) ? e.stream_id : JSON.stringify(e.stream_id)}`
  const to = withParams({ instance, q, event: e.id, since: null, until: null, live: null }, new URL('/', location.origin))
  return (
    <Link href={to} class="button" title={`Only events of the stream ${e.stream_id}`}>
      show in stream
    </Link>
  )
}

/** Where the event stands, and who and what it is about. */
function Envelope({ event: e }: { event: FirnEvent }) {
  const rows: readonly (readonly [string, string | null])[] = [
    ['event_type', e.event_type], ['stream_id', e.stream_id], ['actor', e.actor], ['subject', e.subject], ['severity', e.severity], ['id', e.id],
    ['timestamp', e.timestamp], ['recorded_at', e.recorded_at],
  ]
  return (
    <section>
      <h2>Event</h2>
      <div class="tree">
        <ul>
          {rows.map(
            ([name, value]) =>
              value !== null && (
                <li key={name}>
                  <div class="member">
                    <span class="key">{name}</span>
                    <span>{value}</span>
                    <Narrow field={name} value={value} />
                  </div>
                </li>
              ),
          )}
          <li>
            <div class="member">
              <span class="key">place</span>
              <span>
                number {e.sequence_number} of its stream, position {e.position} of the instance
              </span>
            </div>
          </li>
        </ul>
      </div>
    </section>
  )
}
