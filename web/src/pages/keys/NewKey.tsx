import { useState } from 'preact/hooks'
import { send } from '../../api/http.ts'
import { instances } from '../../api/instances.ts'
import { may, session } from '../../api/session.ts'
import { Fault } from '../../ui/State.tsx'

const permissions = [
  ['events:read', 'read and query events'], ['events:append', 'append events'], ['events:purge', 'delete events'],
  ['instances:manage', 'make, change and delete instances'], ['keys:manage', 'make and revoke keys'], ['catalog:manage', 'change the event catalog'],
  ['targets:manage', 'see targets and try them again'], ['views:manage', 'save views for all'], ['metrics:read', 'read /metrics'],
] as const

/** The form of a new key. It offers what the caller may give: nobody grants what they lack. */
export function NewKey({ made }: { made: (name: string, key: string, warnings: readonly string[]) => void }) {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<readonly string[]>(['events:read'])
  const [everywhere, setEverywhere] = useState(!session.value?.instances)
  const [inside, setInside] = useState<readonly string[]>([])
  const [expires, setExpires] = useState('')
  const [fault, setFault] = useState<unknown>()
  const create = async () => {
    try {
      const answer = await send('POST', '/v1/keys', {
        name, permissions: chosen,
        ...(everywhere ? {} : { instances: inside }),
        ...(expires ? { expires_at: new Date(`${expires}T00:00:00Z`).toISOString() } : {}),
      })
      const { key, warnings } = (await answer.json()) as { key: string; warnings?: { message: string }[] }
      setFault(undefined)
      setName('')
      made(name, key, (warnings ?? []).map((w) => w.message))
    } catch (e) {
      setFault(e)
    }
  }
  return (
    <form
      class="card new-key"
      onSubmit={(e) => {
        e.preventDefault()
        void create()
      }}
    >
      <h2>Make a key</h2>
      {fault ? <Fault of={fault} /> : null}
      <label class="stacked">
        Name
        <input required maxLength={128} value={name} placeholder="who or what will use it" onInput={(e) => setName(e.currentTarget.value)} />
      </label>
      <fieldset>
        <legend>It may</legend>
        {permissions
          .filter(([p]) => may(p))
          .map(([p, what]) => (
            <label key={p}>
              <input type="checkbox" checked={chosen.includes(p)} onChange={() => setChosen(toggled(chosen, p))} /> {what} <code class="muted">{p}</code>
            </label>
          ))}
      </fieldset>
      <fieldset>
        <legend>In</legend>
        {!session.value?.instances && (
          <label>
            <input type="checkbox" checked={everywhere} onChange={() => setEverywhere(!everywhere)} /> every instance, those to come too
          </label>
        )}
        {!everywhere &&
          instances.value?.map((i) => (
            <label key={i.id}>
              <input type="checkbox" checked={inside.includes(i.name)} onChange={() => setInside(toggled(inside, i.name))} /> {i.name}
            </label>
          ))}
      </fieldset>
      <label class="stacked">
        Until (no end, if empty)
        <input type="date" value={expires} onInput={(e) => setExpires(e.currentTarget.value)} />
      </label>
      <p>
        <button type="submit" class="primary" disabled={chosen.length === 0 || (!everywhere && inside.length === 0)}>
          Make the key
        </button>
      </p>
    </form>
  )
}

const toggled = (all: readonly string[], one: string): string[] => (all.includes(one) ? all.filter((x) => x !== one) : [...all, one])
