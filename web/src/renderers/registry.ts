import type { ComponentType } from 'preact'
import type { FirnEvent } from '../api/event.ts'

/**
 * How events of some type are shown in the detail. A renderer is one file that
 * default-exports one of these, and a line in the list of renderers.ts.
 */
export interface Renderer {
  /** Whether it shows this event. It must not throw; it sees what anybody sent. */
  claims(e: FirnEvent): boolean
  /**
   * The members of the payload that Body shows whole. All others are shown
   * beneath it as a tree, so that an extra field is never lost.
   */
  shown: readonly string[] | ((e: FirnEvent) => readonly string[])
  /** Shows it. A fault in it is caught and the raw payload shown instead. */
  Body: ComponentType<{ event: FirnEvent }>
}
