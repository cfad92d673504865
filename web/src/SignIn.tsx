import { useState } from 'preact/hooks'
import { signIn } from './api/session.ts'
import { Fault } from './ui/State.tsx'

/** Asks for an API key. It is sent once and kept nowhere: the server sets a cookie that no script reads. */
export function SignIn() {
  const [fault, setFault] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const submit = async (e: SubmitEvent) => {
    e.preventDefault()
    const field = (e.currentTarget as HTMLFormElement).elements.namedItem('key') as HTMLInputElement
    setBusy(true)
    try {
      await signIn(field.value.trim())
    } catch (refused) {
      setFault(refused)
      field.select()
    } finally {
      setBusy(false)
    }
  }
  return (
    <form class="sign-in" onSubmit={(e) => void submit(e as unknown as SubmitEvent)}>
      <h1>Sign in</h1>
      <p>This log is read with an API key. On the server, <code>firn keys create NAME</code> makes one.</p>
      <label>
        API key
        <input name="key" type="password" autocomplete="current-password" required placeholder="firn_…" spellcheck={false} autofocus />
      </label>
      <button type="submit" class="primary" disabled={busy}>
        Sign in
      </button>
      {fault !== undefined && <Fault of={fault} />}
    </form>
  )
}
