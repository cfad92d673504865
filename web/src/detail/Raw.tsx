import { useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { parseJson, printJson } from '../api/json.ts'
import { count } from '../ui/time.ts'

const first = 100_000 // characters

/** The event as the server sent it, every literal as it is; with line breaks, or exactly. */
export function Raw({ event }: { event: FirnEvent }) {
  const [exact, setExact] = useState(false)
  const [all, setAll] = useState(false)
  const text = exact ? event.raw : pretty(event.raw)
  return (
    <section>
      <div class="actions">
        <button type="button" class="small" aria-pressed={exact} onClick={() => setExact(!exact)}>
          byte for byte
        </button>
      </div>
      <pre class="raw" tabIndex={0}>
        {all ? text : text.slice(0, first)}
      </pre>
      {!all && text.length > first && (
        <button type="button" class="small" onClick={() => setAll(true)}>
          {count(text.length - first)} more characters
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
