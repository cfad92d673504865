import { signal } from '@preact/signals'
import { getPlain, send, signedIn, signInNeeded } from './http.ts'

export interface Session {
  /** No key was ever made: whoever reaches the server may do everything. */
  open: boolean
  key_id?: string
  name?: string
  permissions: string[]
  instances: string[] | null
}

/** Who is asking; undefined until it is known. */
export const session = signal<Session | undefined>(undefined)

/** Whether a control that needs the permission is worth showing. The server decides anyway. */
export function may(permission: string): boolean {
  return session.value?.permissions.includes(permission) ?? false
}

export async function loadSession(abort?: AbortSignal): Promise<void> {
  session.value = await getPlain<Session>('/v1/session', abort)
}

export async function signIn(key: string): Promise<void> {
  const answer = await send('POST', '/v1/session', { key })
  session.value = (await answer.json()) as Session
  signedIn()
}

export async function signOut(): Promise<void> {
  await send('DELETE', '/v1/session')
  session.value = undefined
  signInNeeded.value = true
}
