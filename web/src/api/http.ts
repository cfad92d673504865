import { signal } from '@preact/signals'
import { Obj, Num, parseJson, type Value } from './json.ts'

/** A refusal of the server: RFC 9457 problem details. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    /** What programs branch on: the last part of the problem's type. */
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly { field: string; message: string }[] = [],
  ) {
    super(detail || title)
  }
}

/** True while the server wants an API key that it has not got: the page shows the sign-in. */
export const signInNeeded = signal(false)

let signIns = 0

/** Notes that the server took a key. Refusals of what was asked before are no longer about the caller. */
export function signedIn(): void {
  signIns++
  signInNeeded.value = false
}

async function problemOf(answer: Response): Promise<Problem> {
  const body = await answer.text()
  try {
    const p = JSON.parse(body) as { type?: string; title?: string; detail?: string; errors?: { field: string; message: string }[] }
    return new Problem(answer.status, (p.type ?? '').replace('urn:firn:', ''), p.title ?? '', p.detail ?? '', p.errors ?? [])
  } catch {
    return new Problem(answer.status, '', `The server answered ${answer.status}`, body.slice(0, 200))
  }
}

/** fetch whose answer is a success; anything else is thrown as a Problem. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const before = signIns
  let answer: Response
  try {
    answer = await fetch(path, { credentials: 'same-origin', ...init })
  } catch (e) {
    if (init.signal?.aborted) throw e
    throw new Problem(0, 'unreachable', 'The server cannot be reached', 'The connection failed. The page tries again by itself where it can.')
  }
  if (answer.ok) return answer
  const p = await problemOf(answer)
  if (p.status === 401 && before === signIns) signInNeeded.value = true
  throw p
}

/** Asks with a JSON body. */
export function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = { method }
  if (signal) init.signal = signal
  if (body !== undefined) {
    init.headers = { 'Content-Type': 'application/json' }
    init.body = typeof body === 'string' ? body : JSON.stringify(body)
  }
  return ask(path, init)
}

/** An answer that holds no event data: plain JSON, numbers are doubles. */
export async function getPlain<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, signal ? { signal } : {})).json()) as T
}

/** An answer with event data, read without loss. */
export async function getLossless(path: string, signal?: AbortSignal): Promise<Value> {
  return parseJson(await (await ask(path, signal ? { signal } : {})).text())
}

export function members(v: Value | undefined): Obj | undefined {
  return v instanceof Obj ? v : undefined
}

export function numberOf(v: Value | undefined): number {
  return v instanceof Num ? v.value : 0
}
