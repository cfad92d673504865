import type { FirnEvent } from '../api/event.ts'
import { Obj, printJson, type Value } from '../api/json.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { bytes, duration } from '../ui/time.ts'
import { Code } from './Code.tsx'
import { amount, text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'

const values = ['input', 'params', 'response'] as const
const has = (e: FirnEvent, name: string) => amount(e.payload.get(name)) !== undefined
const isValue = (v: Value | undefined): boolean => typeof v === 'string' || v instanceof Obj || Array.isArray(v)

/** A script that ran: its fault above its source, the line at fault marked; what it was given and what it gave. */
function Body({ event: e }: { event: FirnEvent }) {
  const source = text(e, 'script_source')
  const error = text(e, 'error')
  return (
    <>
      {error !== undefined && (
        <p class="notice error">
          {text(e, 'errorType') !== undefined && <b>{text(e, 'errorType')}: </b>}
          {error}
        </p>
      )}
      <Fields>
        <Field name="method">{text(e, 'method')}</Field>
        <Field name="line">{text(e, 'line')}</Field>
        <Field name="caller">{text(e, 'caller_did')}</Field>
        <Field name="took">{has(e, 'duration_ms') ? duration(amount(e.payload.get('duration_ms')) ?? 0) : undefined}</Field>
        <Field name="response size">{has(e, 'response_size') ? bytes(amount(e.payload.get('response_size')) ?? 0) : undefined}</Field>
        <Field name="level">{text(e, 'level')}</Field>
      </Fields>
      {text(e, 'message') !== undefined && <Code text={text(e, 'message') ?? ''} label="the message" />}
      {source !== undefined && <Source text={source} at={faultLine(e)} />}
      {values
        .filter((name) => isValue(e.payload.get(name)))
        .map((name) => {
          const v = e.payload.get(name) ?? null
          return (
            <details key={name} class="cut" open>
              <summary>{name}</summary>
              <Code text={typeof v === 'string' ? v : printJson(v, '  ')} language="json" label={`the ${name}`} />
            </details>
          )
        })}
    </>
  )
}

/** The line of the source that is at fault: named, or told in the error ("…:12: …"). */
export function faultLine(e: FirnEvent): number | undefined {
  return amount(e.payload.get('line')) ?? (Number(/:(\d+):/.exec(text(e, 'error') ?? '')?.[1] ?? 0) || undefined)
}

const most = 2000 // lines

function Source({ text: source, at }: { text: string; at: number | undefined }) {
  const lines = source.split('\n').slice(0, most)
  return (
    <ol class="lines" tabIndex={0} aria-label="The script">
      {lines.map((line, i) => (
        <li key={i} class={i + 1 === at ? 'here' : undefined} aria-current={i + 1 === at ? 'true' : undefined}>
          <span class="n">{i + 1}</span>
          <code>{line}</code>
        </li>
      ))}
    </ol>
  )
}

export const script: Renderer = {
  claims: (e) => /^(script\.(error|executed|log)|plugin\.log)$/.test(e.event_type),
  shown: (e) => [
    ...textNames(e, 'error', 'method', 'line', 'caller_did', 'level', 'message', ...(text(e, 'error') === undefined ? [] : ['errorType'])),
    ...['duration_ms', 'response_size'].filter((name) => has(e, name)),
    ...((text(e, 'script_source') ?? '').split('\n').length > most ? [] : textNames(e, 'script_source')),
    ...values.filter((name) => isValue(e.payload.get(name))),
  ],
  Body,
}
