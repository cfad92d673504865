import { useEffect, useState } from 'preact/hooks'
import { may, session } from '../api/session.ts'
import { deleteView, loadViews, saveView, views, type View } from '../api/views.ts'
import { params, url } from '../route.ts'
import { say } from '../ui/announce.tsx'
import { Link } from '../ui/Link.tsx'
import { instanceName } from './InstanceSwitch.tsx'

const parts = ['q', 'since', 'until', 'order', 'live']

/** What the address says, without the instance and the event that happens to be open. */
export function viewQuery(): string {
  const kept = new URLSearchParams()
  for (const name of parts) {
    const value = params.value.get(name)
    if (value) kept.set(name, value)
  }
  return kept.toString()
}

/** The saved views, in plain sight, and a way to save this one. */
export function Views() {
  const [naming, setNaming] = useState(false)
  useEffect(() => {
    void loadViews().catch(() => undefined) // without the permission there are none to see
  }, [session.value])
  void url.value
  const here = viewQuery()
  const instance = instanceName.value
  const isHere = (v: View) => v.instance === instance && sameQuery(v.query, here)
  const allowed = may('views:manage')
  if (views.value.length === 0 && !allowed) return null
  const attempt = async (what: Promise<void>, done: string) => {
    try {
      await what
      say(done)
    } catch (e) {
      say(e instanceof Error ? e.message : 'That did not work')
    }
  }
  return (
    <nav class="views" aria-label="Saved views">
      {views.value.map((v) => (
        <span key={v.name} class={`view${isHere(v) ? ' here' : ''}`}>
          <Link href={`/?instance=${encodeURIComponent(v.instance)}&${v.query}`} current={isHere(v)}>
            {v.name}
          </Link>
          {allowed && (
            <button type="button" class="drop" aria-label={`Delete the view ${v.name}`} title="Delete this view" onClick={() => confirm(`Delete the view “${v.name}” for everybody?`) && void attempt(deleteView(v.name), `Deleted ${v.name}`)}>
              ×
            </button>
          )}
        </span>
      ))}
      {allowed && !naming && (
        <button type="button" class="small quiet" onClick={() => setNaming(true)}>
          + save view
        </button>
      )}
      {naming && (
        <form
          class="save-view"
          onSubmit={(e) => {
            e.preventDefault()
            const name = String(new FormData(e.currentTarget).get('name') ?? '').trim()
            setNaming(false)
            if (name && instance !== undefined) void attempt(saveView({ name, instance, query: here }), `Saved ${name}`)
          }}
          onKeyDown={(e) => e.key === 'Escape' && (e.stopPropagation(), setNaming(false))}
        >
          <input name="name" aria-label="Name of the view" placeholder="Name of the view" maxLength={128} required autofocus ref={(el) => el?.focus()} />
          <button type="submit">Save</button>
        </form>
      )}
    </nav>
  )
}

function sameQuery(a: string, b: string): boolean {
  const sorted = (q: string) => [...new URLSearchParams(q)].map(([k, v]) => `${k}=${v}`).sort().join('&')
  return sorted(a) === sorted(b)
}
