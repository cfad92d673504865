import { signal } from '@preact/signals'

const said = signal('')
let clear: number | undefined

/** Says something in passing: shown for some seconds, and read to who listens. */
export function say(text: string): void {
  said.value = text
  clearTimeout(clear)
  clear = setTimeout(() => (said.value = ''), 4000)
}

/** Where it is said; once in the page. */
export function Announcer() {
  return (
    <div class="announcer" role="status">
      {said.value && <span>{said}</span>}
    </div>
  )
}
