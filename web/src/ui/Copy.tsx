import { say } from './announce.tsx'

/** Puts text on the clipboard and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    say(`Copied ${what}`)
  } catch {
    say(`The browser did not allow copying ${what}`)
  }
}

/** A small button that copies. what names it: "the path", "the event as JSON". */
export function CopyButton({ text, what, label }: { text: string | (() => string); what: string; label?: string }) {
  const name = `Copy ${what}`
  return (
    <button type="button" class="small" title={name} aria-label={label ? undefined : name} onClick={() => void copy(typeof text === 'string' ? text : text(), what)}>
      {label ?? 'copy'}
    </button>
  )
}
