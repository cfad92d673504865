import { signal } from '@preact/signals'

/** The keys of the explorer, as the help shows them. */
export const keys: readonly (readonly [key: string, does: string])[] = [
  ['/', 'write a filter'],
  ['j, ↓', 'next event down'],
  ['k, ↑', 'next event up'],
  ['Enter', 'open the event'],
  ['Esc', 'close what is open'],
  ['[ and ]', 'previous and next event of the same stream'],
  ['p', 'live tail on, or paused'],
  ['n', 'to the newest event'],
  ['c', 'clear the list (new events still come)'],
  ['f', 'facets shown, or not'],
  ['Home, End', 'first and last event'],
  ['?', 'this help'],
]

export const helpShown = signal(false)

/** What keys do while nothing is being written. Returns how to undo it. */
export function listen(does: Readonly<Record<string, (e: KeyboardEvent) => void>>): () => void {
  const pressed = (e: KeyboardEvent) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return
    if (document.querySelector('dialog[open]') && e.key !== 'Escape') return
    const at = e.target as HTMLElement
    if (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) {
      if (!(e.key === 'Escape' && at.tagName !== 'TEXTAREA') && !(at instanceof HTMLInputElement && at.type === 'checkbox')) return
    }
    // Enter and the arrows belong to the control that has the focus.
    const onControl = /^(BUTTON|A|SUMMARY|INPUT)$/.test(at.tagName)
    if (onControl && (e.key === 'Enter' || e.key === ' ')) return
    const act = does[e.key]
    if (!act) return
    e.preventDefault()
    act(e)
  }
  addEventListener('keydown', pressed)
  return () => removeEventListener('keydown', pressed)
}
