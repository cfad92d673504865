import type { FirnEvent } from '../api/event.ts'
import { printJson, type Value } from '../api/json.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { Code } from './Code.tsx'
import { text, textNames } from './payload.ts'
import type { Renderer } from './registry.ts'

const calls = /^(API|WEBSOCKET)$/
const given = ['params', 'args', 'kwargs', 'aux'] as const

const names = (e: FirnEvent): string[] => textNames(e, ...(calls.test(e.event_type) ? ['method', 'route'] : ['path', 'component', 'element']))
const isGiven = (v: Value | undefined): boolean => v !== undefined && v !== null && typeof v === 'object' && !('text' in v)
const has = (e: FirnEvent) => given.filter((name) => isGiven(e.payload.get(name)))

/** What somebody did in an application: called a route, saw something, clicked on something. */
function Body({ event: e }: { event: FirnEvent }) {
  const isCall = calls.test(e.event_type)
  return (
    <>
      <p class="line request-line">
        <b>{isCall ? (text(e, 'method') ?? e.event_type) : e.event_type === 'CLICK' ? 'clicked' : 'saw'}</b>
        <code>{isCall ? text(e, 'route') : ([text(e, 'component'), text(e, 'element')].filter(Boolean).join(' › ') || 'something')}</code>
      </p>
      <Fields>
        <Field name="on the page">{isCall ? undefined : text(e, 'path')}</Field>
        <Field name="user">{e.actor ?? (e.stream_id === '0' ? 'nobody signed in' : undefined)}</Field>
      </Fields>
      {has(e).map((name) => (
        <Code key={name} text={printJson(e.payload.get(name) ?? null, '  ')} language="json" label={name} />
      ))}
    </>
  )
}

export const usage: Renderer = {
  claims: (e) => /^(API|WEBSOCKET|VIEW|CLICK)$/.test(e.event_type) && names(e).length > 0,
  shown: (e) => [...names(e), ...has(e)],
  Body,
}
