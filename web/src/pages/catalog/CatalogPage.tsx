import { useEffect } from 'preact/hooks'
import { loadCatalog, loadSeen, type Entry, type Seen } from '../../api/catalog.ts'
import { instanceName } from '../../explorer/InstanceSwitch.tsx'
import { params, setParams, withParams } from '../../route.ts'
import { Link } from '../../ui/Link.tsx'
import { Severity } from '../../ui/Severity.tsx'
import { Fault } from '../../ui/State.tsx'
import { count, dayAndClock, plural } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'
import { TypeView } from './TypeView.tsx'

const unlisted = (type: string): Entry => ({ type, system: 'not in the catalog', description: '', severity: '', subject: null, schema: undefined, origin: '' })

/** The event types that Firn knows, and what was seen of each in the instance; seen ones that it does not know as well. */
export default function CatalogPage() {
  const name = instanceName.value
  const catalog = useAsync(loadCatalog, [])
  const seen = useAsync(async (abort) => (name === undefined ? new Map<string, Seen>() : loadSeen(name, abort)), [name])
  useEffect(() => {
    document.title = 'Event catalog · Firn'
  }, [])
  const chosen = params.value.get('type')
  const text = params.value.get('find') ?? ''
  const onlySeen = params.value.get('seen') === '1'
  if (catalog.fault || seen.fault) return <Fault of={catalog.fault ?? seen.fault} retry={catalog.fault ? catalog.reload : seen.reload} />
  if (!catalog.value || !seen.value) return <div class="loading" aria-busy="true" />
  const known = new Set(catalog.value.map((e) => e.type))
  const all = [...[...seen.value.keys()].filter((type) => !known.has(type)).sort().map(unlisted), ...catalog.value]
  const one = all.find((e) => e.type === chosen)
  if (one && name !== undefined) return <TypeView instance={name} entry={one} seen={seen.value.get(one.type)} />
  const shown = all.filter((e) => `${e.type} ${e.system} ${e.description}`.toLowerCase().includes(text.toLowerCase()) && (!onlySeen || seen.value?.has(e.type)))
  return (
    <div class="page">
      <h1>Event catalog</h1>
      <div class="row-form" role="search">
        <label>
          Find <input type="search" value={text} onInput={(e) => setParams({ find: e.currentTarget.value || null }, true)} />
        </label>
        <label>
          <input type="checkbox" checked={onlySeen} onChange={() => setParams({ seen: onlySeen ? null : '1' }, true)} /> seen in {name}
        </label>
        <span class="muted" role="status">
          {plural(shown.length, 'type')}
        </span>
      </div>
      {systems(shown).map(([system, entries]) => (
        <section key={system} class="card scroll" tabIndex={0} aria-label={system}>
          <h2>{system}</h2>
          <table>
            <thead>
              <tr>
                <th scope="col">Type</th>
                <th scope="col">What it tells</th>
                <th scope="col">Usually</th>
                <th scope="col" class="number">Seen</th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((e) => (
                <Row key={e.type} entry={e} seen={seen.value?.get(e.type)} />
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  )
}

function Row({ entry: e, seen }: { entry: Entry; seen: Seen | undefined }) {
  return (
    <tr>
      <td>
        <Link href={withParams({ type: e.type })}>{e.type}</Link>
      </td>
      <td>{e.description}</td>
      <td>{e.severity && <Severity of={e.severity} />}</td>
      <td class="number">{seen ? count(seen.n) : <span class="muted">never</span>}</td>
      <td class="when">{seen && dayAndClock(seen.last)}</td>
    </tr>
  )
}

function systems(all: readonly Entry[]): [string, Entry[]][] {
  const by = new Map<string, Entry[]>()
  for (const e of all) by.set(e.system, [...(by.get(e.system) ?? []), e])
  return [...by]
}
