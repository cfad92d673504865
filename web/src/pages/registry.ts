import type { ComponentType } from 'preact'

/** What a page is given: the decoded segments of the path behind its own. */
export interface PageProps {
  rest: readonly string[]
}

/** A page beside the explorer. The server must know its path too: internal/server/viewer.go. */
export interface Page {
  /** Its first path segment: "targets" is /targets and /targets/…. */
  path: string
  title: string
  /** Whether the header leads to it, given what the key may do. */
  shown(may: (permission: string) => boolean): boolean
  /** Its chunk. The file's name is the chunk's, so it must be unique. */
  load: () => Promise<{ default: ComponentType<PageProps> }>
}
