import { severities } from '../../api/event.ts'
import { params, setParams } from '../../route.ts'
import { count } from '../../ui/time.ts'
import { parseTags, printTags, split, type TagFilters } from './tags.ts'

/** What is chosen, which the URL says. */
export function chosen(): { tags: string[]; low: number; high: number } {
  const bound = (name: string, otherwise: number) => {
    const n = Number(params.value.get(name))
    return Number.isInteger(n) && n >= 1 && n <= 8 ? n : otherwise
  }
  return { tags: parseTags(params.value.get('tags') ?? ''), low: bound('low', 1), high: bound('high', 8) }
}

const set = (low: number, high: number) => setParams({ low: low === 1 ? null : String(low), high: high === 8 ? null : String(high) }, true)

/** Filters of a request's events: a range of importance, a list for each tag name, a box for each flag. */
export function Filters({ of, shown, total }: { of: TagFilters; shown: number; total: number }) {
  const { tags, low, high } = chosen()
  const choose = (next: readonly string[]) => setParams({ tags: printTags(next) })
  const toggle = (tag: string) => choose(tags.includes(tag) ? tags.filter((one) => one !== tag) : [...tags, tag])
  return (
    <section class="filters" aria-label="Filters">
      <fieldset class="range">
        <legend>importance</legend>
        <Bound name="from" value={low} onChange={(n) => set(n, Math.max(n, high))} />
        <Bound name="to" value={high} onChange={(n) => set(Math.min(n, low), n)} />
      </fieldset>
      {of.names.map(({ name, values }) => (
        <label key={name}>
          {name || '(no name)'}
          <select
            multiple size={Math.max(2, Math.min(values.length, 4))} aria-label={name || '(no name)'}
            onChange={(e) => choose([...tags.filter((tag) => !isOf(tag, name)), ...[...e.currentTarget.selectedOptions].map((o) => `${name}:${o.value}`)])}
          >
            {values.map((value) => (
              <option key={value} value={value} selected={tags.includes(`${name}:${value}`)}>
                {value || '(empty)'}
              </option>
            ))}
          </select>
        </label>
      ))}
      {of.flags.length > 0 && (
        <div class="flags">
          {of.flags.map((flag) => (
            <label key={flag}>
              <input type="checkbox" checked={tags.includes(flag)} onChange={() => toggle(flag)} /> {flag || '(empty)'}
            </label>
          ))}
        </div>
      )}
      {(tags.length > 0 || low > 1 || high < 8) && (
        <p>
          {count(shown)} of {count(total)} events{' '}
          <button type="button" class="small" onClick={() => setParams({ tags: null, low: null, high: null })}>
            clear
          </button>
        </p>
      )}
    </section>
  )
}

function isOf(tag: string, name: string): boolean {
  const s = split(tag)
  return s.value !== undefined && s.name === name
}

function Bound({ name, value, onChange }: { name: string; value: number; onChange: (n: number) => void }) {
  return (
    <label>
      <span>{name}</span>
      <input type="range" min={1} max={8} step={1} value={value} aria-label={`Importance ${name}`} aria-valuetext={`${value}, ${severities[value - 1]}`} onInput={(e) => onChange(Number(e.currentTarget.value))} />
      <span class={`s${value}`}>
        {value} {severities[value - 1]}
      </span>
    </label>
  )
}
