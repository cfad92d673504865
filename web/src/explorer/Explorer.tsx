import { useEffect, useLayoutEffect } from 'preact/hooks'
import { instances } from '../api/instances.ts'
import { setParams } from '../route.ts'
import { Boundary } from '../ui/Boundary.tsx'
import { Empty } from '../ui/State.tsx'
import { count } from '../ui/time.ts'
import { Chips } from './Chips.tsx'
import { Facets, facetsShown } from './Facets.tsx'
import { Help } from './Help.tsx'
import { Histogram } from './Histogram.tsx'
import { instance, instanceName, remember } from './InstanceSwitch.tsx'
import { helpShown, listen } from './keys.ts'
import { cursor, following, List, ListNotes, moveTo, open, toNewest, unseen } from './List.tsx'
import { QueryBar } from './QueryBar.tsx'
import { live, newestFirst, refresh, selectedId, until } from './scope.ts'
import { connection, refusal, rows, run } from './session.ts'
import { Side, step } from './Side.tsx'
import { Take } from './Take.tsx'
import { TimeRange } from './TimeRange.tsx'
import { Views } from './Views.tsx'

/** The events of an instance: a filter, what it finds over time and by facets, the list, one event beside it. */
export function Explorer() {
  useLayoutEffect(run, [])
  useEffect(() => listen(bindings), [])
  const name = instanceName.value
  useEffect(() => {
    cursor.value = -1
    if (name !== undefined) remember(name)
    document.title = name === undefined ? 'Firn' : `${name} · Firn`
  }, [name])
  if (instances.value && !instance.value) return <NoInstance name={name} />
  return (
    <div class={`explorer${selectedId.value ? ' with-side' : ''}${facetsShown.value ? ' with-facets' : ''}`}>
      <div class="bar">
        <QueryBar />
        <TimeRange />
        <LiveButton />
        <Take />
        <button type="button" class="quiet" aria-label="Keys and filters" title="Keys and filters (?)" onClick={() => (helpShown.value = true)}>
          ?
        </button>
      </div>
      <div class="under-bar">
        <Views />
        <Chips />
      </div>
      {facetsShown.value && (
        <Boundary of="the facets">
          <Facets />
        </Boundary>
      )}
      <section class="results" aria-label="Events">
        <Boundary of="the histogram">
          <Histogram />
        </Boundary>
        <div class="list-head">
          <button type="button" class="small" aria-pressed={facetsShown.value} aria-controls="facets" title="Facets (f)" onClick={() => (facetsShown.value = !facetsShown.value)}>
            facets
          </button>
          <ListNotes />
          <Connection />
          <span class="space" />
          <button type="button" class="small" onClick={() => setParams({ order: newestFirst.value ? null : 'newest' }, true)}>
            {newestFirst.value ? '↑ newest first' : '↓ newest last'}
          </button>
          <button type="button" class="small" title="Empty the list; new events still come (c)" onClick={clear}>
            clear
          </button>
          <button type="button" class="small" title="Ask again" onClick={refresh}>
            reload
          </button>
        </div>
        <Boundary of="the list">
          <List />
        </Boundary>
        {unseen.value > 0 && (
          <button type="button" class={`unseen${newestFirst.value ? ' top' : ''}`} onClick={toNewest}>
            {newestFirst.value ? '↑' : '↓'} {count(unseen.value)} new
          </button>
        )}
      </section>
      {selectedId.value && name !== undefined && <Side instance={name} id={selectedId.value} />}
      {helpShown.value && <Help />}
    </div>
  )
}

function NoInstance({ name }: { name: string | undefined }) {
  if (name === undefined) return <Empty title="There is no instance yet">Append an event, and its instance is there.</Empty>
  return <Empty title={`There is no instance ${name}`}>Choose another one above. Your key may not see it.</Empty>
}

function clear(): void {
  rows.value?.clear()
  cursor.value = -1
  following.value = true
}

function toggleLive(): void {
  setParams({ live: live.value ? null : '1', until: null })
}

function LiveButton() {
  return (
    <button type="button" class="live" aria-pressed={live.value} title={until.value ? 'Follow new events; drops the end of the times (p)' : 'Follow new events (p)'} onClick={toggleLive}>
      <i aria-hidden="true" />
      Live
    </button>
  )
}

const told = { idle: '', connecting: 'connecting …', live: 'connected', lost: 'connection lost, trying again', refused: 'the server refuses the tail' } as const

/** How the live tail's connection is: a dot, and its word. */
function Connection() {
  const is = connection.value
  if (is === 'idle') return null
  return (
    <span class={`connection ${is}`} role="status">
      <i aria-hidden="true" />
      {told[is]}
      {refusal.value && `: ${refusal.value.message}`}
      {is === 'live' && !following.value && ' · scrolling paused'}
    </span>
  )
}

function down(by: number): void {
  const n = rows.value?.count.value ?? 0
  const from = cursor.value < 0 ? (newestFirst.value ? n : n - (by > 0 ? 1 : 0)) : cursor.value
  moveTo(from + (newestFirst.value ? -by : by))
  if (selectedId.value) open(rows.value?.get(cursor.value))
}

function toggleFacets(): void {
  facetsShown.value = !facetsShown.value
}

const bindings: Readonly<Record<string, (e: KeyboardEvent) => void>> = {
  '/': () => document.getElementById('query')?.focus(),
  j: () => down(1),
  k: () => down(-1),
  ArrowDown: () => down(1),
  ArrowUp: () => down(-1),
  PageDown: () => moveTo(cursor.value + 20),
  PageUp: () => moveTo(cursor.value - 20),
  Home: () => moveTo(newestFirst.value ? Infinity : 0),
  End: () => (newestFirst.value ? moveTo(0) : toNewest()),
  Enter: () => open(rows.value?.get(cursor.value)),
  Escape: () => {
    if (helpShown.value) helpShown.value = false
    else {
      setParams({ event: null })
      document.getElementById('list')?.focus()
    }
  },
  f: toggleFacets,
  c: clear,
  n: toNewest,
  p: toggleLive,
  '[': () => void step(-1),
  ']': () => void step(1),
  '?': () => (helpShown.value = true),
}
