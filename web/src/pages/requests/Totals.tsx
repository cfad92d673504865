import { totalWords, type Total } from './totals.ts'

/** How many queries each target had, and how long they took together. */
export function Totals({ of }: { of: readonly Total[] }) {
  if (of.length === 0) return <p class="muted">No queries.</p>
  return (
    <ul class="totals">
      {of.map((t) => (
        <li key={t.target}>
          target <code>{t.target || 'none'}</code> {totalWords(t)}
        </li>
      ))}
    </ul>
  )
}
