import type { Value } from '../api/json.ts'
import { printJson } from '../api/json.ts'
import type { Condition } from '../api/query.ts'
import { copy } from '../ui/Copy.tsx'
import { askable, having, narrow } from './narrow.ts'

interface Props {
  field: string
  value: Value
  /** The condition, where it is another than equality. */
  ask?: (has: boolean) => Condition
}

/** What can be done with a value: only such events, none of them, copy its path, copy it. */
export function Narrow({ field, value, ask }: Props) {
  const text = typeof value === 'string' ? value : printJson(value)
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text
  const condition = ask ?? ((has: boolean) => having(field, value, has))
  return (
    <span class="narrow">
      {askable(value) && (
        <>
          <button type="button" title="Only events with this value" aria-label={`Only events with ${field} ${short}`} onClick={() => narrow(condition(true))}>
            +
          </button>
          <button type="button" title="No events with this value" aria-label={`No events with ${field} ${short}`} onClick={() => narrow(condition(false))}>
            −
          </button>
        </>
      )}
      <button type="button" title={`Copy the path ${field}`} aria-label={`Copy the path ${field}`} onClick={() => void copy(field, 'the path')}>
        path
      </button>
      <button type="button" title="Copy the value" aria-label={`Copy the value of ${field}`} onClick={() => void copy(text, 'the value')}>
        copy
      </button>
    </span>
  )
}
