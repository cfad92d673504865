import type { FirnEvent } from '../api/event.ts'
import type { Renderer } from './registry.ts'

// Every renderer there is; the first that claims an event shows it. They live
// in a chunk of their own, fetched with the first detail that is opened.
export const renderers: readonly Renderer[] = []

/** The renderer of an event; undefined where its payload is shown as it is. */
export function rendererOf(e: FirnEvent): Renderer | undefined {
  return renderers.find((r) => {
    try {
      return r.claims(e)
    } catch {
      return false
    }
  })
}

/** The members of the payload that the renderer leaves to the tree. */
export function leftOver(r: Renderer, e: FirnEvent): string[] {
  const shown = new Set(typeof r.shown === 'function' ? r.shown(e) : r.shown)
  return e.payload.entries.map(([key]) => key).filter((key) => !shown.has(key))
}
