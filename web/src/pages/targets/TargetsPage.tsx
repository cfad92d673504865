import { useEffect, useState } from 'preact/hooks'
import { getPlain, send } from '../../api/http.ts'
import { targetPath, type Target } from '../../api/targets.ts'
import { say } from '../../ui/announce.tsx'
import { Figure } from '../../ui/Figure.tsx'
import { Empty, Fault } from '../../ui/State.tsx'
import { count, duration, fullTime, plural, since } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'
import { DeadLetters } from './DeadLetters.tsx'

const meaning = {
  running: 'It takes events as they come.',
  retrying: 'The last attempt failed; the next comes by itself within seconds.',
  paused: 'It can take nothing just now; it is tried every half a minute.',
  stopped: 'Somebody must do something first; then try it again.',
} as const
const signs = { running: '●', retrying: '↻', paused: '❚❚', stopped: '■' } as const

const every = 5000 // ms between two looks

/** Where events also go, and how each place is doing. */
export default function TargetsPage() {
  const found = useAsync((abort) => getPlain<{ targets: Target[] }>('/v1/targets', abort), [])
  const { reload } = found
  useEffect(() => {
    document.title = 'Targets · Firn'
    const timer = setInterval(() => !document.hidden && reload(), every)
    return () => clearInterval(timer)
  }, [reload])
  const targets = found.value?.targets
  return (
    <div class="page">
      <h1>Targets</h1>
      {found.fault ? <Fault of={found.fault} retry={reload} /> : null}
      {targets?.length === 0 && (
        <Empty title="Events go nowhere else">
          <p>
            The log delivers to files, SQLite, PostgreSQL, MySQL and programs of yours: the block <code>targets</code> of the configuration says where.
          </p>
        </Empty>
      )}
      {targets?.map((t) => <One key={t.name} target={t} reload={reload} />)}
    </div>
  )
}

function One({ target: t, reload }: { target: Target; reload: () => void }) {
  const [letters, setLetters] = useState(false)
  const [fault, setFault] = useState<unknown>()
  const retry = async () => {
    try {
      await send('POST', `${targetPath(t.name)}/retry`)
      setFault(undefined)
      say(`${t.name} is tried again`)
    } catch (e) {
      setFault(e)
    }
    reload()
  }
  return (
    <section class="card target" aria-label={t.name}>
      <div class="heading">
        <h2>
          {t.name} <span class="muted">{t.type}</span>
        </h2>
        <span class={`state ${t.state}`} title={meaning[t.state]}>
          <span aria-hidden="true">{signs[t.state]}</span> {t.state}
        </span>
      </div>
      <dl class="figures">
        <Figure name="behind">{behind(t)}</Figure>
        <Figure name="delivered since the start">{count(t.delivered)}</Figure>
        <Figure name="dead letters">{count(t.dead_letters)}</Figure>
      </dl>
      {t.state !== 'running' && <p class="muted">{meaning[t.state]}</p>}
      {t.last_error !== null && (
        <p class={`notice${t.state === 'running' ? '' : ' error'}`}>
          {t.last_error}
          {t.last_error_at && (
            <>
              {' '}
              <time class="muted" dateTime={t.last_error_at} title={fullTime(t.last_error_at)}>
                {since(t.last_error_at)}
              </time>
            </>
          )}
        </p>
      )}
      <div class="actions">
        <button type="button" title="Tries the target at once, and its dead letters again" onClick={() => void retry()}>
          Try again now
        </button>
        {t.dead_letters > 0 && (
          <button type="button" aria-expanded={letters} onClick={() => setLetters(!letters)}>
            {letters ? 'Hide' : 'Show'} the dead letters
          </button>
        )}
      </div>
      {fault ? <Fault of={fault} /> : null}
      {letters && t.dead_letters > 0 && <DeadLetters target={t} reload={reload} />}
    </section>
  )
}

/** A target that never answered since the start may keep its cursor where it is: nobody knows then. */
function behind(t: Target): string {
  if (t.lag_events > 0) return `${plural(t.lag_events, 'event')}, ${duration(t.lag_seconds * 1000)}`
  return t.state !== 'running' && t.delivered === 0 ? 'not known yet' : 'nothing'
}
