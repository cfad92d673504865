import { useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { printJson, type Value } from '../api/json.ts'
import { Scalar } from '../detail/Tree.tsx'
import { Outward } from '../ui/Link.tsx'
import { plural } from '../ui/time.ts'
import { DebugFacts } from './debug.tsx'
import { params, text, textNames, type Param } from './payload.ts'
import type { Renderer } from './registry.ts'

const tables = ['headers', 'query', 'body', 'cookies', 'session'] as const

/** A request as it came in: method, address, and what it brought in five tables. */
function Body({ event: e }: { event: FirnEvent }) {
  return (
    <>
      <p class="line request-line">
        <b>{text(e, 'method')}</b>
        <span>
          <Outward text={text(e, 'uri') ?? ''} />
        </span>
      </p>
      {tables.map((name) => {
        const rows = params(e.payload.get(name))
        return rows && <Params key={name} name={name} rows={rows} />
      })}
      <DebugFacts event={e} />
    </>
  )
}

function Params({ name, rows }: { name: string; rows: readonly Param[] }) {
  if (rows.length === 0) return <p class="muted">{name}: none</p>
  return (
    <details open={rows.length <= 30} class="params">
      <summary>
        {name} <span class="muted">{plural(rows.length, 'entry', 'entries')}</span>
      </summary>
      <table aria-label={name}>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              <th scope="row">{row.key || '""'}</th>
              <td>
                {masked(name, row) ? <Masked of={row} /> : <Shown value={row.value} />}
                {row.more && <code class="muted"> {printJson(row.more)}</code>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}

function Shown({ value }: { value: Value }) {
  return typeof value === 'string' ? <>{value === '' ? <span class="muted">""</span> : <Outward text={value} />}</> : isPlain(value) ? <Scalar value={value} /> : <code>{printJson(value)}</code>
}

const isPlain = (v: Value): boolean => v === null || typeof v !== 'object' || 'text' in v

/** Whether a value is hidden until somebody asks for it: cookies, and what signs in. The server has redacted most already. */
export function masked(table: string, { key, value }: Param): boolean {
  if (value === '[redacted]') return false
  return table === 'cookies' || /^(set-)?cookie$|^(proxy-)?authorization$/i.test(key)
}

function Masked({ of }: { of: Param }) {
  const [shown, setShown] = useState(false)
  return (
    <>
      {shown ? <Shown value={of.value} /> : <span aria-label="hidden">••••••</span>}{' '}
      <button type="button" class="small" aria-label={`${shown ? 'Hide' : 'Reveal'} ${of.key}`} onClick={() => setShown(!shown)}>
        {shown ? 'hide' : 'reveal'}
      </button>
    </>
  )
}

export const request: Renderer = {
  claims: (e) => e.event_type === 'request' && textNames(e, 'method', 'uri').length > 0,
  shown: (e) => [...textNames(e, 'method', 'uri'), ...tables.filter((name) => params(e.payload.get(name)))],
  Body,
}
