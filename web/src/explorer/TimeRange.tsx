import { setParams } from '../route.ts'
import { Menu } from '../ui/Menu.tsx'
import { dayAndClock } from '../ui/time.ts'
import { instant, since, until } from './scope.ts'

const presets = [
  ['now-5m', 'Last 5 minutes'], ['now-15m', 'Last 15 minutes'], ['now-1h', 'Last hour'], ['now-6h', 'Last 6 hours'],
  ['now-1d', 'Last day'], ['now-7d', 'Last 7 days'], ['now-30d', 'Last 30 days'],
] as const

/** Which times the result is of. */
export function TimeRange() {
  const choose = (from: string | null, to: string | null) => setParams({ since: from, until: to })
  return (
    <Menu label={label()} title="Times">
      <button type="button" class="quiet" onClick={() => choose(null, null)} aria-pressed={since.value === '' && until.value === ''}>
        All time
      </button>
      {presets.map(([value, name]) => (
        <button key={value} type="button" class="quiet" onClick={() => choose(value, null)} aria-pressed={since.value === value && until.value === ''}>
          {name}
        </button>
      ))}
      <form
        class="times"
        onSubmit={(e) => {
          e.preventDefault()
          const form = new FormData(e.currentTarget)
          choose(toInstant(form.get('from')), toInstant(form.get('to')))
        }}
      >
        <label>
          From
          <input type="datetime-local" name="from" step="1" value={local(since.value)} />
        </label>
        <label>
          To
          <input type="datetime-local" name="to" step="1" value={local(until.value)} />
        </label>
        <button type="submit">Show these times</button>
      </form>
    </Menu>
  )
}

function label(): string {
  const from = since.value
  const to = until.value
  if (from === '' && to === '') return 'All time'
  const preset = presets.find(([value]) => value === from)
  if (preset && to === '') return preset[1]
  const show = (t: string) => (t.startsWith('now') || t === '' ? t : dayAndClock(t).replace(/\.\d+$/, ''))
  if (to === '') return `Since ${show(from)}`
  if (from === '') return `Until ${show(to)}`
  return `${show(from)} – ${show(to)}`
}

/** A time of the URL as the input wants it: local, without a zone. */
function local(text: string): string {
  const t = instant(text, Date.now())
  if (t === undefined) return ''
  return new Date(t - new Date(t).getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function toInstant(v: FormDataEntryValue | null): string | null {
  if (typeof v !== 'string' || v === '') return null
  const t = new Date(v)
  return Number.isNaN(t.getTime()) ? null : t.toISOString()
}
