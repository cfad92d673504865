import { category, type FirnEvent } from '../api/event.ts'
import { Obj, printJson, type Value } from '../api/json.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { Outward } from '../ui/Link.tsx'
import { duration } from '../ui/time.ts'
import { Code } from './Code.tsx'
import { amount, text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'

const facts = ['account_id', 'hook_id', 'hook_name', 'lexicon_id', 'collection', 'action', 'event_type', 'attempts', 'trigger', 'host_kind', 'host_id'] as const
const bodies = ['request', 'response', 'response_body', 'body'] as const

const isBody = (v: Value | undefined): boolean => typeof v === 'string' || v instanceof Obj || Array.isArray(v)
const named = (e: FirnEvent) => bodies.filter((name) => isBody(e.payload.get(name)))

/** A hook that was called, or is about to be: where, with what, and what came of it. */
function Body({ event: e }: { event: FirnEvent }) {
  const url = text(e, 'url', 'hook_url')
  const status = text(e, 'status', 'status_code')
  const ms = amount(e.payload.get('duration_ms'))
  const error = text(e, 'error')
  return (
    <>
      {url !== undefined && (
        <p class="line request-line">
          <b>{text(e, 'method')}</b>
          <span>
            <Outward text={url} />
          </span>
          {status && <code>{status}</code>}
        </p>
      )}
      {error !== undefined && <p class="notice error">{error}</p>}
      <Fields>
        <Field name="status">{url === undefined ? status : undefined}</Field>
        <Field name="took">{ms === undefined ? undefined : duration(ms)}</Field>
        {facts.map((name) => (
          <Field key={name} name={name.replaceAll('_', ' ')}>
            {text(e, name)}
          </Field>
        ))}
      </Fields>
      {named(e).map((name) => {
        const v = e.payload.get(name) ?? null
        return <Code key={name} text={typeof v === 'string' ? v : printJson(v, '  ')} language="json" label={`the ${name.replaceAll('_', ' ')}`} />
      })}
    </>
  )
}

const one = (e: FirnEvent, ...names: string[]): string[] => textNames(e, ...names).slice(0, 1)

export const hook: Renderer = {
  claims: (e) => (category(e.event_type) === 'hook' || e.event_type === 'script.dead_lettered') && e.payload.size > 0,
  shown: (e) => [
    ...one(e, 'url', 'hook_url'), ...one(e, 'status', 'status_code'), ...textNames(e, 'error', ...facts), ...named(e),
    ...(text(e, 'url', 'hook_url') === undefined ? [] : textNames(e, 'method')), ...(amount(e.payload.get('duration_ms')) === undefined ? [] : ['duration_ms']),
  ],
  Body,
}
