import type { ComponentChildren } from 'preact'
import { Problem } from '../api/http.ts'

/** A fault in the place of what it kept from being shown. */
export function Fault({ of, retry }: { of: unknown; retry?: () => void }) {
  const p = of instanceof Problem ? of : undefined
  return (
    <div class="notice error" role="alert">
      <strong>{p?.title || 'That did not work'}</strong>
      <p>{of instanceof Error ? of.message : String(of)}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Nothing is there, and what that means. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}
