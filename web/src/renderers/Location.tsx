import { useState } from 'preact/hooks'
import { instanceName } from '../explorer/InstanceSwitch.tsx'
import { Parts, useParts } from './Code.tsx'
import { languageOf, marked, placeText, platformHere, type Place } from './place.ts'

const around = 3 // lines above and below
const step = 20 // lines that a button loads

interface Source {
  from: number
  lines: string[]
  last: number
}

/** A place in the application's files: its path, and on demand the lines around it, if the server knows the project. */
export function Location({ place, what }: { place: Place; what: string }) {
  const [source, setSource] = useState<Source | undefined>()
  const [fault, setFault] = useState('')
  const [open, setOpen] = useState(false)
  const path = placeText(place, platformHere())
  const { line } = place
  if (line === undefined) return <code>{path}</code>

  const load = async (from: number, to: number) => {
    try {
      setSource(await lines(place.file, Math.max(1, from), to))
      setFault('')
    } catch (e) {
      setFault(e instanceof Error ? e.message : String(e))
    }
  }
  return (
    <div class="location">
      <button
        type="button"
        class="fold"
        aria-expanded={open}
        onClick={() => {
          if (!open && !source) void load(line - around, line + around)
          setOpen(!open)
        }}
      >
        <i aria-hidden="true" />
        <code>{path}</code>
        <span class="sr">, {what}: show the lines</span>
      </button>
      {open && fault && <p class="muted">{fault}</p>}
      {open && source && (
        <div class="source">
          {source.from > 1 && (
            <button type="button" class="small" onClick={() => void load(source.from - step, end(source))}>
              load more above
            </button>
          )}
          <Lines of={source} place={place} />
          {end(source) < source.last && (
            <button type="button" class="small" onClick={() => void load(source.from, Math.min(source.last, end(source) + step))}>
              load more below
            </button>
          )}
          {line > source.last && <p class="muted">The file ends at line {source.last}: it is not the one that ran.</p>}
        </div>
      )}
    </div>
  )
}

const end = (s: Source): number => s.from + s.lines.length - 1

async function lines(file: string, from: number, to: number): Promise<Source> {
  const parameters = new URLSearchParams({ file, from: String(from), to: String(Math.max(from, Math.min(to, from + 999))) })
  if (instanceName.value) parameters.set('instance', instanceName.value)
  // The door's faults are no problem documents: {"error": …}.
  const answer = await fetch(`/debug/source?${parameters}`, { credentials: 'same-origin' })
  const told = (await answer.json()) as Source & { error?: string }
  if (!answer.ok) throw new Error(told.error ?? `The server answered ${answer.status}`)
  return told
}

function Lines({ of, place }: { of: Source; place: Place }) {
  return (
    <ol class="lines" tabIndex={0} aria-label={`Lines of ${place.file}`}>
      {of.lines.map((text, i) => {
        const n = of.from + i
        return (
          <li key={n} class={n === place.line ? 'here' : undefined} aria-current={n === place.line ? 'true' : undefined}>
            <span class="n">{n}</span>
            <code>{n === place.line ? <Here text={text} place={place} /> : <Plain text={text} file={place.file} />}</code>
          </li>
        )
      })}
    </ol>
  )
}

function Plain({ text, file }: { text: string; file: string }) {
  return <Parts of={useParts(text, languageOf(file))} />
}

/** The line that the place names: all of it, a cursor in it, or a range. */
function Here({ text, place }: { text: string; place: Place }) {
  return (
    <>
      {marked(text, place.pos, place.posEnd).map((m, i) =>
        m.mark === 'range' ? <mark key={i}>{m.text}</mark> : m.mark === 'cursor' ? <span key={i} class="cursor" aria-label="here" role="img" /> : <Plain key={i} text={m.text} file={place.file} />,
      )}
    </>
  )
}
