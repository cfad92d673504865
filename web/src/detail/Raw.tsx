import { useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { parseJson, printJson } from '../api/json.ts'
import { count } from '../ui/time.ts'

const first = 20_000 // characters; more are ten times as many

/** The event as the server sent it, every literal as it is; with line breaks, or exactly. */
export function Raw({ event }: { event: FirnEvent }) {
  const [exact, setExact] = useState(false)
  const [shown, setShown] = useState(first)
  const text = exact ? event.raw : pretty(event.raw)
  return (
    <section>
      <div class="actions">
        <button type="button" class="small" aria-pressed={exact} onClick={() => setExact(!exact)}>
          byte for byte
        </button>
      </div>
      <pre class="raw" tabIndex={0}>
        {text.slice(0, shown)}
      </pre>
      {text.length > shown && (
        <button type="button" class="small" onClick={() => setShown(shown * 10)}>
          {count(text.length - shown)} more characters
        </button>
      )}
    </section>
  )
}

function pretty(raw: string): string {
  try {
    return printJson(parseJson(raw), '  ')
  } catch {
    return raw
  }
}
