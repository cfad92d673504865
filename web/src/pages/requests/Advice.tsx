import { Question, Verdict } from '../../renderers/access.tsx'
import { text } from '../../renderers/payload.ts'
import { setParams } from '../../route.ts'
import { plural } from '../../ui/time.ts'
import { wastedWords, type Finding } from './findings.ts'
import type { Ballot } from './votes.ts'

/** Queries that could perhaps be fewer: why, what it costs, and which they are. */
export function Findings({ of }: { of: readonly Finding[] }) {
  if (of.length === 0) return null
  return (
    <section class="card findings">
      <h2>Queries that may be needless</h2>
      <ul>
        {of.map((f, i) => (
          <li key={i}>
            <p class="line">
              <b>{f.kind === 'duplicate' ? 'duplicate' : 'possible N+1'}</b>
              <span>
                target <code>{f.target || 'none'}</code>
              </span>
              <span class="fail">{wastedWords(f)}</span>
            </p>
            <p class="muted">{f.reason}</p>
            <pre class="raw">{f.query.length > 400 ? `${f.query.slice(0, 400)}…` : f.query}</pre>
            <p class="actions">
              {f.events.slice(0, 12).map((id, n) => (
                <button key={id} type="button" class="small" aria-label={`Show query ${n + 1} of ${f.events.length}`} onClick={() => setParams({ event: id })}>
                  {n + 1}
                </button>
              ))}
              {f.events.length > 12 && <span class="muted">and {f.events.length - 12} more</span>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Who was let in, and by which votes. */
export function Ballots({ of }: { of: readonly Ballot[] }) {
  if (of.length === 0) return null
  return (
    <section class="card ballots">
      <h2>Access</h2>
      <ul>
        {of.map((b, i) => (
          <li key={i}>
            <p class="line">
              <Outcome of={b} />
              <Question object={b.object} action={b.action} control={b.control} />
            </p>
            {b.checks.length > 1 && (
              <p class="muted">
                votes: {b.grants} GRANT, {b.denials} DENIED{b.others > 0 ? `, ${plural(b.others, 'other')}` : ''}
              </p>
            )}
            <p class="actions">
              {b.checks.map((e, n) => (
                <button key={e.id} type="button" class="small" aria-label={`${e === b.final ? 'final' : text(e, 'access')}: show check ${n + 1} of ${b.checks.length}`} onClick={() => setParams({ event: e.id })}>
                  {e === b.final ? 'final' : text(e, 'access')}
                </button>
              ))}
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Outcome({ of: b }: { of: Ballot }) {
  if (b.final) {
    return (
      <span>
        final <Verdict of={text(b.final, 'access') ?? ''} />
      </span>
    )
  }
  const [only] = b.checks
  if (b.checks.length === 1 && only) return <Verdict of={text(only, 'access') ?? ''} />
  return <span class="muted">no final result</span>
}
