import { at, Num, Obj, type Value } from '../api/json.ts'
import type { FirnEvent } from '../api/event.ts'
import { duration } from '../ui/time.ts'

// What a row says of an event. The list asks for these fields only, never for
// whole payloads.

const texts = ['message', 'text', 'name', 'title', 'subject', 'query', 'uri', 'url', 'path', 'route', 'command', 'operation', 'summary', 'reason', 'error', 'error_message', 'content']
const before = ['method', 'access', 'target', 'status']
const after = ['object', 'action', 'control', 'component', 'element', 'script_id', 'endpoint']

/** The fields that a row needs. */
export const rowFields: readonly string[] = [
  'id', 'position', 'stream_id', 'event_type', 'timestamp', 'severity', 'actor', 'subject',
  ...[...texts, ...before, ...after].map((name) => `payload.${name}`),
  'metadata.duration', 'metadata.success', 'metadata.scheme_id', 'metadata.parent_id', 'payload.duration_ms', 'payload.duration',
]

const longest = 400

function show(v: Value | undefined): string {
  if (typeof v === 'string') return v.length > longest ? `${v.slice(0, longest)}…` : v
  if (v instanceof Num) return v.text
  if (typeof v === 'boolean') return String(v)
  return ''
}

/** One line that tells an event from its neighbours; empty where its payload has nothing of the usual. */
export function summaryOf(e: FirnEvent): string {
  const one = (name: string) => show(e.payload.get(name))
  const text = texts.map(one).find((t) => t !== '') ?? ''
  const parts = [...before.map(one), text, ...after.map(one)].filter((t) => t !== '')
  if (e.subject && !parts.includes(e.subject)) parts.push(e.subject)
  return parts.join(' · ').replace(/\s+/g, ' ')
}

/** The duration that an event carries, in words; empty where it carries none. */
export function durationOf(e: FirnEvent): string {
  const v = e.metadata.get('duration') ?? e.payload.get('duration_ms') ?? e.payload.get('duration')
  return v instanceof Num && Number.isFinite(v.value) ? duration(v.value) : ''
}

/** Whether the event says that it failed; what says nothing did not. */
export function failed(e: FirnEvent): boolean {
  return at(e.metadata, ['success']) === false
}

export const isObject = (v: Value | undefined): v is Obj => v instanceof Obj
