import type { FirnEvent } from '../api/event.ts'

/** The event as the server sent it. */
export function Raw({ event }: { event: FirnEvent }) {
  return (
    <pre class="raw" tabIndex={0}>
      {event.raw}
    </pre>
  )
}
