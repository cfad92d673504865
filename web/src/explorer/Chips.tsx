import { printCondition } from '../filter/print.ts'
import { setParams } from '../route.ts'
import { filter, setFilter, since, until } from './scope.ts'

/** Every condition that narrows the result, each with a way to drop it. */
export function Chips() {
  const where = filter.value.where
  const times = since.value || until.value
  if (where.length === 0 && !times) return null
  return (
    <ul class="chips" aria-label="Active filters">
      {times && <Chip text={`time ${since.value || '…'} – ${until.value || 'now'}`} drop={() => setParams({ since: null, until: null })} />}
      {where.map((c, i) => (
        <Chip key={i} text={printCondition(c)} drop={() => setFilter(where.filter((_, k) => k !== i))} />
      ))}
      {where.length + (times ? 1 : 0) > 1 && (
        <li>
          <button type="button" class="small quiet" onClick={() => setParams({ q: null, since: null, until: null })}>
            drop all
          </button>
        </li>
      )}
    </ul>
  )
}

function Chip({ text, drop }: { text: string; drop: () => void }) {
  return (
    <li class="chip">
      <span class="mono">{text}</span>
      <button type="button" aria-label={`Drop ${text}`} title="Drop this filter" onClick={drop}>
        ×
      </button>
    </li>
  )
}
