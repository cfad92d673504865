import { useEffect, useRef, useState } from 'preact/hooks'
import { printJson } from '../api/json.ts'
import { conditionValue } from '../api/query.ts'
import { suggest, type Suggestion } from '../filter/complete.ts'
import { FilterError, parseFilter } from '../filter/parse.ts'
import { printFilter } from '../filter/print.ts'
import { setParams } from '../route.ts'
import { known } from './known.ts'
import { filter, filterText } from './scope.ts'

/** The filter as text, with completion; and as the query language itself, for who wants that. */
export function QueryBar() {
  const input = useRef<HTMLInputElement | HTMLTextAreaElement>(null)
  const [text, setText] = useState(filterText.value)
  const [fault, setFault] = useState<FilterError>()
  const [offers, setOffers] = useState<Suggestion[]>([])
  const [chosen, setChosen] = useState(-1)
  const asJson = text.trimStart().startsWith('{') || text.trimStart().startsWith('[')
  useEffect(() => {
    setText(filterText.value)
    setFault(filter.value.fault)
  }, [filterText.value])

  const apply = (what: string) => {
    setOffers([])
    try {
      const line = printFilter(parseFilter(what))
      setFault(undefined)
      setText(line)
      setParams({ q: line })
    } catch (e) {
      if (!(e instanceof FilterError)) throw e
      setFault(e)
      input.current?.setSelectionRange(e.from, e.to)
    }
  }
  const offer = async (value: string, caret: number) => {
    const list = await suggest(value, caret, known)
    if (input.current?.value === value) {
      setOffers(list)
      setChosen(-1)
    }
  }
  const written = (at: HTMLInputElement | HTMLTextAreaElement) => {
    setText(at.value)
    setFault(undefined)
    void offer(at.value, at.selectionStart ?? at.value.length)
  }
  const take = (s: Suggestion) => {
    const next = text.slice(0, s.from) + s.insert + text.slice(s.to)
    setText(next)
    setOffers([])
    const caret = s.from + s.insert.length
    queueMicrotask(() => {
      input.current?.focus()
      input.current?.setSelectionRange(caret, caret)
      void offer(next, caret)
    })
  }
  const onKey = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      if (offers.length === 0) {
        if (e.key === 'ArrowDown') void offer(text, input.current?.selectionStart ?? text.length)
        return
      }
      e.preventDefault()
      const step = e.key === 'ArrowDown' ? 1 : -1
      setChosen(chosen < 0 ? (step > 0 ? 0 : offers.length - 1) : (chosen + step + offers.length) % offers.length)
    } else if ((e.key === 'Enter' || e.key === 'Tab') && chosen >= 0 && offers[chosen]) {
      e.preventDefault()
      take(offers[chosen])
    } else if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault()
      apply(text)
    } else if (e.key === 'Escape') {
      e.stopPropagation()
      if (offers.length > 0) setOffers([])
      else {
        setText(filterText.value)
        setFault(undefined)
        input.current?.blur()
      }
    }
  }
  const toggle = () => {
    try {
      const where = parseFilter(text)
      setText(asJson ? printFilter(where) : printJson(where.map(conditionValue), '  '))
      setFault(undefined)
    } catch (e) {
      if (e instanceof FilterError) setFault(e)
    }
    queueMicrotask(() => input.current?.focus())
  }
  return (
    <form
      class="query"
      role="search"
      onSubmit={(e) => {
        e.preventDefault()
        apply(text)
      }}
    >
      <div class={`query-box${fault ? ' faulty' : ''}`}>
        {asJson ? (
          <textarea
            ref={input as { current: HTMLTextAreaElement | null }}
            id="query"
            rows={Math.min(14, text.split('\n').length)}
            value={text}
            spellcheck={false}
            aria-label="Filter, in the query language"
            aria-invalid={fault !== undefined}
            aria-describedby={fault ? 'query-fault' : undefined}
            onInput={(e) => written(e.currentTarget)}
            onKeyDown={onKey}
          />
        ) : (
          <input
            ref={input as { current: HTMLInputElement | null }}
            id="query"
            value={text}
            spellcheck={false}
            autocomplete="off"
            autocapitalize="off"
            placeholder="Filter: severity>=warning  event_type in (login, logout)  payload.status>=500  “words”"
            aria-label="Filter"
            role="combobox"
            aria-expanded={offers.length > 0}
            aria-controls="offers"
            aria-autocomplete="list"
            aria-invalid={fault !== undefined}
            aria-describedby={fault ? 'query-fault' : undefined}
            aria-activedescendant={chosen >= 0 ? `offer-${chosen}` : undefined}
            onInput={(e) => written(e.currentTarget)}
            onKeyDown={onKey}
            onBlur={() => setTimeout(() => setOffers([]), 150)}
          />
        )}
        {text !== '' && (
          <button type="button" class="small quiet" aria-label="Empty the filter" title="Empty the filter" onClick={() => apply('')}>
            ×
          </button>
        )}
        <button type="button" class="small" aria-pressed={asJson} title="Show the filter in the query language (JSON), or as one line" onClick={toggle}>
          {'{ }'}
        </button>
      </div>
      <ul class="offers" id="offers" role="listbox" aria-label="Suggestions" hidden={offers.length === 0}>
        {offers.map((s, i) => (
          <li
            key={s.label}
            id={`offer-${i}`}
            role="option"
            aria-selected={i === chosen}
            onMouseDown={(e) => {
              e.preventDefault()
              take(s)
            }}
          >
            <span class="mono">{s.label}</span>
            <span class="muted">{s.about}</span>
          </li>
        ))}
      </ul>
      {fault && (
        <p class="query-fault" id="query-fault" role="alert">
          {fault.message}
          {fault.from > 0 && ` (character ${fault.from + 1})`}
        </p>
      )}
    </form>
  )
}
