import { importance } from '../api/event.ts'

/**
 * A severity: its word, its colour, and a bar of as many eighths as it has
 * importance, so that the colour says nothing that shape and word do not.
 */
export function Severity({ of }: { of: string }) {
  const n = importance(of)
  return (
    <span class={`severity s${n}`}>
      <i aria-hidden="true" />
      {of || 'none'}
    </span>
  )
}
