import { useState } from 'preact/hooks'
import { eventOf } from '../../api/event.ts'
import { getLossless, members, numberOf, send } from '../../api/http.ts'
import { Num, type Obj, type Value } from '../../api/json.ts'
import { targetPath, type Target } from '../../api/targets.ts'
import { eventPath } from '../../route.ts'
import { say } from '../../ui/announce.tsx'
import { Link } from '../../ui/Link.tsx'
import { Fault } from '../../ui/State.tsx'
import { dayAndClock, plural } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'

interface Page {
  letters: readonly Obj[]
  next: string
}

async function load(name: string, cursor: string, abort: AbortSignal): Promise<Page> {
  const answer = members(await getLossless(`${targetPath(name)}/dead-letters?limit=50${cursor && `&cursor=${cursor}`}`, abort))
  const all = answer?.get('dead_letters')
  const next = answer?.get('next_cursor')
  return {
    letters: Array.isArray(all) ? (all as readonly Value[]).flatMap((one) => members(one) ?? []) : [],
    next: typeof next === 'string' ? next : '',
  }
}

const textOf = (v: Value | undefined): string => (typeof v === 'string' ? v : v instanceof Num ? v.text : '')

/** The events that a target has refused for good, with its reason. */
export function DeadLetters({ target: t, reload }: { target: Target; reload: () => void }) {
  const [cursor, setCursor] = useState('')
  const [fault, setFault] = useState<unknown>()
  const [asked, setAsked] = useState(0) // the one that may be discarded
  const found = useAsync((abort) => load(t.name, cursor, abort), [t.name, cursor, t.dead_letters])
  const settle = async (method: string, path: string, id: number, done: string) => {
    setAsked(0)
    try {
      await send(method, `${targetPath(t.name)}/${path}?dead_letter=${id}`)
      setFault(undefined)
      say(`The dead letter ${id} is ${done}`)
    } catch (e) {
      setFault(e)
    }
    found.reload()
    reload()
  }
  if (found.fault) return <Fault of={found.fault} retry={found.reload} />
  if (!found.value) return <div class="loading" aria-busy="true" />
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Dead letters of ${t.name}`}>
      {fault ? <Fault of={fault} /> : null}
      <table>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Why it was refused</th>
            <th scope="col">Last tried</th>
            <th scope="col">
              <span class="sr">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {found.value.letters.map((l) => {
            const e = eventOf(l.get('event') ?? null)
            const id = numberOf(l.get('id'))
            return (
              <tr key={id}>
                <td>
                  <Link href={eventPath(textOf(l.get('instance')), e.id)}>{e.event_type}</Link>
                  <div class="muted">
                    {textOf(l.get('instance'))}, position {e.position}
                  </div>
                </td>
                <td>{textOf(l.get('error'))}</td>
                <td>
                  {dayAndClock(textOf(l.get('at')))}
                  <div class="muted">{plural(numberOf(l.get('attempts')), 'attempt')}</div>
                </td>
                <td>
                  {asked === id ? (
                    <span class="actions">
                      <button type="button" class="small danger" onClick={() => void settle('DELETE', 'dead-letters', id, 'discarded')}>
                        Discard dead letter {id}
                      </button>
                      <button type="button" class="small" onClick={() => setAsked(0)}>
                        Keep it
                      </button>
                    </span>
                  ) : (
                    <span class="actions">
                      <button type="button" class="small" aria-label={`Try again dead letter ${id}`} onClick={() => void settle('POST', 'retry', id, 'tried again')}>
                        try again
                      </button>
                      <button type="button" class="small" aria-label={`Discard dead letter ${id}?`} title="The target gets it only if it is replayed" onClick={() => setAsked(id)}>
                        discard
                      </button>
                    </span>
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <div class="actions">
        {cursor && (
          <button type="button" class="small" onClick={() => setCursor('')}>
            from the first
          </button>
        )}
        {found.value.next && (
          <button type="button" class="small" onClick={() => setCursor(found.value?.next ?? '')}>
            more
          </button>
        )}
      </div>
    </div>
  )
}
