import { useEffect, useState } from 'preact/hooks'
import { getPlain, send } from '../../api/http.ts'
import { session } from '../../api/session.ts'
import { say } from '../../ui/announce.tsx'
import { CopyButton } from '../../ui/Copy.tsx'
import { Fault } from '../../ui/State.tsx'
import { dayAndClock, since } from '../../ui/time.ts'
import { useAsync } from '../../ui/useAsync.ts'
import { NewKey } from './NewKey.tsx'

export interface Key {
  id: string
  name: string
  key_prefix: string
  permissions: string[]
  instances: string[] | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  revoked_at: string | null
}

/** The API keys: who has one, what it may do; making and revoking them. */
export default function KeysPage() {
  const found = useAsync((abort) => getPlain<{ keys: Key[] }>('/v1/keys', abort), [])
  const [made, setMade] = useState<{ name: string; key: string; warnings: readonly string[] } | undefined>()
  useEffect(() => {
    document.title = 'API keys · Firn'
  }, [])
  if (session.value?.open) return <FirstKey />
  return (
    <div class="page">
      <h1>API keys</h1>
      {made && <Made {...made} done={() => setMade(undefined)} />}
      {found.fault ? <Fault of={found.fault} retry={found.reload} /> : null}
      {found.value && <List keys={found.value.keys} reload={found.reload} />}
      <NewKey
        made={(name, key, warnings) => {
          setMade({ name, key, warnings })
          found.reload()
        }}
      />
    </div>
  )
}

function FirstKey() {
  return (
    <div class="page">
      <h1>API keys</h1>
      <section class="card">
        <h2>No key was made yet</h2>
        <p>
          Until the first one is, everybody who reaches this server may do everything; it listens on this machine only. The first key is made on the machine itself, never
          over the network:
        </p>
        <pre class="raw">firn keys create admin --data YOUR-DATA-DIRECTORY</pre>
        <p>From then on every connection needs a key, and this page makes further ones.</p>
      </section>
    </div>
  )
}

/** A key that was just made: the only time that it is shown. */
function Made({ name, key, warnings, done }: { name: string; key: string; warnings: readonly string[]; done: () => void }) {
  return (
    <section class="notice made" role="alert">
      <h2>The key {name}</h2>
      <p>Copy it now: it is shown this once, and nobody can read it again.</p>
      <p class="line">
        <code class="secret">{key}</code>
        <CopyButton text={key} what="the key" />
        <button type="button" onClick={done}>
          I have it
        </button>
      </p>
      {warnings.map((w) => (
        <p key={w}>Note: {w}.</p>
      ))}
    </section>
  )
}

function List({ keys, reload }: { keys: readonly Key[]; reload: () => void }) {
  const [fault, setFault] = useState<unknown>()
  const [asked, setAsked] = useState('')
  const revoke = async (k: Key) => {
    setAsked('')
    try {
      await send('DELETE', `/v1/keys/${encodeURIComponent(k.id)}`)
      setFault(undefined)
      say(`The key ${k.name} is revoked`)
    } catch (e) {
      setFault(e)
    }
    reload()
  }
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label="The keys">
      {fault ? <Fault of={fault} /> : null}
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Begins with</th>
            <th scope="col">May</th>
            <th scope="col">In</th>
            <th scope="col">Used</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {keys.map((k) => (
            <tr key={k.id} class={k.revoked_at ? 'muted' : undefined}>
              <td>
                {k.name}
                {k.id === session.value?.key_id && <div class="muted">yours</div>}
              </td>
              <td>
                <code>{k.key_prefix}…</code>
              </td>
              <td>{k.permissions.length === 9 ? 'everything' : k.permissions.join(', ')}</td>
              <td>{k.instances ? k.instances.join(', ') : 'every instance'}</td>
              <td>{k.last_used_at ? since(k.last_used_at) : <span class="muted">not since the start</span>}</td>
              <td>
                {k.revoked_at ? (
                  <>revoked {since(k.revoked_at)}</>
                ) : (
                  <>
                    {k.expires_at && <div>{expired(k.expires_at) ? 'expired' : 'until'} {dayAndClock(k.expires_at)}</div>}
                    {asked === k.id ? (
                      <span class="actions">
                        <button type="button" class="small danger" onClick={() => void revoke(k)}>
                          Revoke {k.name} for good
                        </button>
                        <button type="button" class="small" onClick={() => setAsked('')}>
                          Keep it
                        </button>
                      </span>
                    ) : (
                      <button type="button" class="small" aria-label={`Revoke ${k.name}`} onClick={() => setAsked(k.id)}>
                        revoke
                      </button>
                    )}
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const expired = (t: string): boolean => Date.parse(t) < Date.now()
