import { signal } from '@preact/signals'
import { importance, severities } from '../api/event.ts'
import { Num, type Value } from '../api/json.ts'
import { queryGroups } from '../api/query.ts'
import { chosenOf, severityRange, toggled, withChosen, withoutFacet, withSeverities, type Facet } from '../filter/facet.ts'
import { compact, count } from '../ui/time.ts'
import { useFigures } from './figures.ts'
import { filter, setFilter, timeConditions, type Scope } from './scope.ts'

const most = 50 // values of a facet

/** Whether the facets are shown; on small screens they begin hidden. */
export const facetsShown = signal(matchMedia('(min-width: 900px)').matches)

interface Counted {
  value: string
  n: number
}

const text = (v: Value | undefined): string | undefined => (typeof v === 'string' ? v : undefined)

/** The values of a facet with their counts, over the result without the facet's own condition. */
async function countsOf(now: Scope, f: Facet, abort: AbortSignal): Promise<Counted[]> {
  const key = f.many ? `${f.field}[]` : f.field
  const times = timeConditions(now.from === undefined ? '' : new Date(now.from).toISOString(), now.to === undefined ? '' : new Date(now.to).toISOString())
  const where = [...withoutFacet(filter.peek().where, f), ...times]
  const groups = await queryGroups({ instance: now.instance, where, reduce: { type: 'count' }, groupBy: [key], limit: f.many ? 500 : most }, abort)
  const all: Counted[] = []
  for (const g of groups) {
    const value = text(g.group.get(key))
    if (value !== undefined) all.push({ value, n: g.value instanceof Num ? g.value.value : 0 })
  }
  return all
}

/** What the result can be narrowed down by, with how much of each there is. */
export function Facets() {
  return (
    <aside class="facets" id="facets" aria-label="Facets">
      <SeverityFacet />
      <ValueFacet title="Type" facet={{ field: 'event_type' }} />
      <ValueFacet title="Category" facet={{ field: 'category' }} />
      <Tags />
      <ValueFacet title="Stream" facet={{ field: 'stream_id' }} />
      <ValueFacet title="Actor" facet={{ field: 'actor' }} closed />
    </aside>
  )
}

function SeverityFacet() {
  const { value: all } = useFigures((now, abort) => countsOf(now, { field: 'severity' }, abort))
  const where = filter.value.where
  const of = (v: Value) => (v instanceof Num ? v.value : typeof v === 'string' ? importance(v === 'warn' ? 'warning' : v) : 0)
  const [low, high] = severityRange(where, of)
  const set = (a: number, b: number) => setFilter(withSeverities(where, a, b, (n) => severities[n - 1] ?? 'debug'))
  const counts = new Map(all?.map((c) => [c.value, c.n]))
  const max = Math.max(1, ...counts.values())
  return (
    <details open>
      <summary>Severity</summary>
      <ul class="values">
        {severities.map((s, i) => (
          <li key={s} class={i + 1 >= low && i + 1 <= high ? '' : 'outside'}>
            <button type="button" class="value" title={`Only ${s}`} onClick={() => set(i + 1, i + 1)}>
              <span class={`severity s${i + 1}`}>
                <i aria-hidden="true" />
                {s}
              </span>
              <Share n={counts.get(s) ?? 0} of={max} />
            </button>
          </li>
        ))}
      </ul>
      <div class="range">
        <Bound name="from" value={low} onChange={(n) => set(n, Math.max(n, high))} />
        <Bound name="to" value={high} onChange={(n) => set(Math.min(n, low), n)} />
      </div>
    </details>
  )
}

function Bound({ name, value, onChange }: { name: string; value: number; onChange: (n: number) => void }) {
  return (
    <label>
      <span>{name}</span>
      <input
        type="range" min={1} max={8} step={1} value={value}
        aria-label={`Severity ${name}`} aria-valuetext={severities[value - 1]}
        onChange={(e) => onChange(Number(e.currentTarget.value))}
      />
      <span class={`s${value}`}>{severities[value - 1]}</span>
    </label>
  )
}

function Share({ n, of }: { n: number; of: number }) {
  return (
    <span class="share" title={count(n)}>
      <i aria-hidden="true" style={{ width: `${Math.round((n / of) * 36)}px` }} />
      {compact(n)}
    </span>
  )
}

function ValueFacet({ title, facet, closed }: { title: string; facet: Facet; closed?: boolean }) {
  const { value: all, busy } = useFigures((now, abort) => countsOf(now, facet, abort), [facet.field])
  const where = filter.value.where
  const chosen = chosenOf(where, facet)
  const listed = [...(all ?? [])]
  for (const value of chosen) if (!listed.some((c) => c.value === value)) listed.push({ value, n: 0 })
  return (
    <details open={!closed || chosen.length > 0}>
      <summary>
        {title}
        {chosen.length > 0 && <Clear onClick={() => setFilter(withChosen(where, facet, []))} what={title} />}
      </summary>
      {listed.length === 0 && <p class="muted none">{busy ? '' : 'none'}</p>}
      <Values all={listed} chosen={chosen} toggle={(v) => setFilter(toggled(where, facet, v))} />
      {listed.length >= most && <p class="muted none">the {most} most frequent</p>}
    </details>
  )
}

function Clear({ onClick, what }: { onClick: () => void; what: string }) {
  return (
    <button
      type="button" class="small" aria-label={`Clear ${what}`}
      onClick={(e) => {
        e.preventDefault()
        onClick()
      }}
    >
      clear
    </button>
  )
}

function Values({ all, chosen, toggle, label }: { all: readonly Counted[]; chosen: readonly string[]; toggle: (v: string) => void; label?: (v: string) => string }) {
  const max = Math.max(1, ...all.map((c) => c.n))
  return (
    <ul class="values">
      {all.map(({ value, n }) => (
        <li key={value}>
          <label class="value" title={value}>
            <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
            <span class="name">{(label ? label(value) : value) || '(empty)'}</span>
            <Share n={n} of={max} />
          </label>
        </li>
      ))}
    </ul>
  )
}

/** The left part of a tag that is a filter; undefined of a flag. A second colon belongs to the value. */
export function tagName(tag: string): string | undefined {
  const colon = tag.indexOf(':')
  return colon < 0 ? undefined : tag.slice(0, colon)
}

let collator: Intl.Collator | undefined
const byName = (a: string, b: string): number => (collator ??= new Intl.Collator(undefined, { sensitivity: 'base', numeric: true })).compare(a, b)

/** Tags: those with a colon choose among the values of their name, the others are flags. */
function Tags() {
  const tags: Facet = { field: 'metadata.tags', many: true }
  const { value: all } = useFigures((now, abort) => countsOf(now, tags, abort))
  const where = filter.value.where
  const known = new Map((all ?? []).map((c) => [c.value, c]))
  for (const value of chosenOf(where, tags)) if (!known.has(value)) known.set(value, { value, n: 0 })
  if (known.size === 0) return null
  const sorted = [...known.values()].sort((a, b) => byName(a.value, b.value) || (a.value < b.value ? -1 : 1))
  const names = [...new Set(sorted.map((c) => tagName(c.value)).filter((n) => n !== undefined))].sort(byName)
  const flags = sorted.filter((c) => tagName(c.value) === undefined)
  return (
    <>
      {names.map((name) => (
        <Tag key={name} title={name || '(no name)'} facet={{ ...tags, owns: (v) => tagName(v) === name }} all={sorted.filter((c) => tagName(c.value) === name)} label={(v) => v.slice(name.length + 1)} />
      ))}
      {flags.length > 0 && (
        <details open>
          <summary>Flags</summary>
          {flags.map((flag) => {
            const facet: Facet = { ...tags, owns: (v) => v === flag.value }
            return <Values key={flag.value} all={[flag]} chosen={chosenOf(where, facet)} toggle={(v) => setFilter(toggled(where, facet, v))} />
          })}
        </details>
      )}
    </>
  )
}

function Tag({ title, facet, all, label }: { title: string; facet: Facet; all: readonly Counted[]; label: (v: string) => string }) {
  const where = filter.value.where
  const chosen = chosenOf(where, facet)
  return (
    <details open>
      <summary>
        {title} {chosen.length > 0 && <Clear onClick={() => setFilter(withChosen(where, facet, []))} what={title} />}
      </summary>
      <Values all={all} chosen={chosen} toggle={(v) => setFilter(toggled(where, facet, v))} label={label} />
    </details>
  )
}
