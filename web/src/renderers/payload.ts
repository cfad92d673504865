import type { FirnEvent } from '../api/event.ts'
import { Num, Obj, type Value } from '../api/json.ts'

// Payloads are what anybody sent: a renderer takes of them what has the shape
// it knows, and leaves the rest to the tree.

/** A text or a number under one of some names, as text; undefined for anything else. */
export function text(e: FirnEvent, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const v = e.payload.get(name)
    if (typeof v === 'string') return v
    if (v instanceof Num) return v.text
  }
  return undefined
}

/** The names of these under which the payload has a text or a number. */
export function textNames(e: FirnEvent, ...names: readonly string[]): string[] {
  return names.filter((name) => text(e, name) !== undefined)
}

/** A list of texts, or one text as a list of one; undefined for anything else. */
export function texts(v: Value | undefined): string[] | undefined {
  if (typeof v === 'string') return [v]
  if (Array.isArray(v) && (v as readonly Value[]).every((one) => typeof one === 'string')) return [...(v as readonly string[])]
  return undefined
}

/** A number that can be counted with; undefined for anything else. */
export function amount(v: Value | undefined): number | undefined {
  return v instanceof Num && Number.isFinite(v.value) ? v.value : undefined
}

export interface Param {
  key: string
  value: Value
  /** What the entry holds beside key and value. */
  more: Obj | undefined
}

/** The entries of a list of keys and values, in their order, repeated ones too; undefined where it is none. */
export function params(v: Value | undefined): Param[] | undefined {
  if (!Array.isArray(v)) return undefined
  const all: Param[] = []
  for (const one of v as readonly Value[]) {
    const key = one instanceof Obj ? one.get('key') : undefined
    if (!(one instanceof Obj) || typeof key !== 'string' || one.get('value') === undefined) return undefined
    const more = one.entries.filter(([name]) => name !== 'key' && name !== 'value')
    all.push({ key, value: one.get('value') ?? null, more: more.length > 0 ? new Obj(more) : undefined })
  }
  return all
}

/** Whether an event came in a scheme of the web debug protocol. */
export function inScheme(e: FirnEvent): boolean {
  return schemeOf(e) !== undefined
}

export function schemeOf(e: FirnEvent): string | undefined {
  const id = e.metadata.get('scheme_id')
  return typeof id === 'string' ? id : undefined
}
