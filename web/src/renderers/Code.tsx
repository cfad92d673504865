import { useEffect, useState } from 'preact/hooks'
import { CopyButton } from '../ui/Copy.tsx'
import { count } from '../ui/time.ts'
import type { Language, Part } from './language.ts'
import { firstSymbols } from './symbols.ts'

type Grammars = typeof import('./grammars.ts')
let loaded: Grammars | undefined

/** The parts of a text once the grammars are there; plain until then, and without a language. */
export function useParts(text: string, language: Language | undefined): readonly Part[] {
  const [, again] = useState(0)
  useEffect(() => {
    if (loaded || !language) return
    void import('./grammars.ts').then((m) => {
      loaded = m
      again((n) => n + 1)
    })
  }, [language])
  return loaded && language ? loaded.parts(text, language) : [{ kind: undefined, text }]
}

export function Parts({ of }: { of: readonly Part[] }) {
  return (
    <>
      {of.map((p, i) =>
        p.kind ? (
          <span key={i} class={`c-${p.kind}`}>
            {p.text}
          </span>
        ) : (
          p.text
        ),
      )}
    </>
  )
}

const first = 20_000 // symbols that are highlighted

/**
 * A text to read and to copy, highlighted by its language: a text box that is
 * read only. (An input cannot highlight.) label names it.
 */
export function Code({ text, language, label }: { text: string; language?: Language | undefined; label: string }) {
  const [all, setAll] = useState(false)
  const head = firstSymbols(text, first)
  const parts = useParts(head, language)
  return (
    <div class="code">
      <pre role="textbox" aria-readonly="true" aria-multiline="true" aria-label={label} tabIndex={0} data-language={language ?? 'none'}>
        <Parts of={parts} />
        {all && text.slice(head.length)}
      </pre>
      <div class="actions">
        <CopyButton text={text} what={label} />
        {!all && head.length < text.length && (
          <button type="button" class="small" onClick={() => setAll(true)}>
            {count(text.length - head.length)} more characters, not highlighted
          </button>
        )}
      </div>
    </div>
  )
}
