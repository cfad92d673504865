import type { FirnEvent } from '../api/event.ts'
import { access } from './access.tsx'
import { denied } from './denied.tsx'
import { hook } from './hook.tsx'
import { log } from './log.tsx'
import { mail } from './mail.tsx'
import { message } from './message.tsx'
import { named } from './named.tsx'
import { query } from './query.tsx'
import type { Renderer } from './registry.ts'
import { request } from './request.tsx'
import { response } from './response.tsx'
import { scheme, unknownInScheme } from './scheme.tsx'
import { script } from './script.tsx'
import { usage } from './usage.tsx'

// Every renderer there is; the first that claims an event shows it. They live
// in a chunk of their own, fetched with the first detail that is opened.
export const renderers: readonly Renderer[] = [
  log, query, request, response, named, mail, access, scheme, unknownInScheme, // web debug
  message, hook, script, usage, denied,
]

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
