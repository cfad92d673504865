/** What code is highlighted as: the four grammars that there are. */
export type Language = 'sql' | 'json' | 'markup' | 'clike'

/** A part of a text: its class, or undefined for plain text. */
export interface Part {
  kind: string | undefined
  text: string
}
