import type { ComponentChildren } from 'preact'

/** A list of names and values, as renderers and pages show facts. */
export function Fields({ children }: { children: ComponentChildren }) {
  return <dl class="fields">{children}</dl>
}

/** One of them; nothing where the value is missing. */
export function Field({ name, children }: { name: string; children: ComponentChildren }) {
  if (children === undefined || children === null || children === '') return null
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}
