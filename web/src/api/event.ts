import { at, emptyObj, Num, Obj, parseJson, type Value } from './json.ts'

export const severities = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const
export type Severity = (typeof severities)[number]

/** Importance 1–8 of a severity; 0 of none that is known. */
export function importance(s: string): number {
  return severities.indexOf(s as Severity) + 1
}

/** An event, or the part of one that a query selected. */
export interface FirnEvent {
  id: string
  instance_id: string
  stream_id: string
  sequence_number: number
  position: number
  event_type: string
  timestamp: string
  recorded_at: string
  severity: string
  actor: string | null
  subject: string | null
  payload: Obj
  metadata: Obj
  /** The text of the event as the server sent it; empty for a projection. */
  raw: string
}

const text = (v: Value | undefined): string => (typeof v === 'string' ? v : v instanceof Num ? v.text : '')
const orNull = (v: Value | undefined): string | null => (typeof v === 'string' ? v : null)
const whole = (v: Value | undefined): number => (v instanceof Num ? v.value : 0)
const object = (v: Value | undefined): Obj => (v instanceof Obj ? v : emptyObj)

/** Makes an event of what the server answered. What is missing is empty. */
export function eventOf(v: Value, raw = ''): FirnEvent {
  const o = object(v)
  return {
    id: text(o.get('id')),
    instance_id: text(o.get('instance_id')),
    stream_id: text(o.get('stream_id')),
    sequence_number: whole(o.get('sequence_number')),
    position: whole(o.get('position')),
    event_type: text(o.get('event_type')),
    timestamp: text(o.get('timestamp')),
    recorded_at: text(o.get('recorded_at')),
    severity: text(o.get('severity')),
    actor: orNull(o.get('actor')),
    subject: orNull(o.get('subject')),
    payload: object(o.get('payload')),
    metadata: object(o.get('metadata')),
    raw,
  }
}

export function parseEvent(raw: string): FirnEvent {
  return eventOf(parseJson(raw), raw)
}

/** The part of the type before its first dot. */
export function category(type: string): string {
  const dot = type.indexOf('.')
  return dot < 0 ? type : type.slice(0, dot)
}

/** A string in the payload, or undefined. */
export function payloadText(e: FirnEvent, ...path: (string | number)[]): string | undefined {
  const v = at(e.payload, path)
  return typeof v === 'string' ? v : v instanceof Num ? v.text : undefined
}
