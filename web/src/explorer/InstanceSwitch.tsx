import { computed } from '@preact/signals'
import { findInstance, instances, type Instance } from '../api/instances.ts'
import { go, params, path, segments } from '../route.ts'

const remembered = 'firn.instance'

/**
 * The instance that the page is about: that of the URL, else the last one
 * looked at, else the first by name that is not Firn's own.
 */
export const instanceName = computed((): string | undefined => {
  const named = params.value.get('instance')
  if (named) return named
  const place = segments(path.value)
  if (place?.[0] === 'e' && place[1]) return place[1]
  const all = instances.value
  if (!all) return undefined
  const last = localStorage.getItem(remembered)
  const chosen = all.find((i) => i.name === last) ?? all.find((i) => i.name !== 'system') ?? all[0]
  return chosen?.name
})

/** The instance itself, once the list is known; undefined where it is not there. */
export const instance = computed((): Instance | undefined => {
  const name = instanceName.value
  return name === undefined ? undefined : findInstance(instances.value ?? [], name)
})

/** Remembers the instance for the next time the page is opened without one. */
export function remember(name: string): void {
  localStorage.setItem(remembered, name)
}

/** Chooses another instance. Filters stay behind: they are of the other's events. */
export function InstanceSwitch() {
  const all = instances.value
  if (!all) return <span class="instance" />
  const current = instance.value
  return (
    <label class="instance">
      <span class="sr">Instance</span>
      <select
        value={current?.name ?? ''}
        onChange={(e) => {
          const here = segments(path.value)?.[0] ?? ''
          go(`/${here === 'e' ? '' : here}?instance=${encodeURIComponent(e.currentTarget.value)}`)
        }}
      >
        {!current && <option value="">{instanceName.value ?? 'no instance'}</option>}
        {all.map((i) => (
          <option key={i.id} value={i.name}>
            {i.name}
          </option>
        ))}
      </select>
    </label>
  )
}
