import { useState } from 'preact/hooks'
import { Num, Obj, type Value } from '../api/json.ts'
import { member } from '../explorer/known.ts'
import { Outward } from '../ui/Link.tsx'
import { count } from '../ui/time.ts'
import { askable, holding, isContainer } from './narrow.ts'
import { Narrow } from './Narrow.tsx'

const page = 100 // members shown at a time
const long = 2000 // characters of a string shown at first

/** A JSON value as a tree: numbers as they are written, keys in their order. root is the path it stands at ("payload"). */
export function Tree({ value, root }: { value: Value; root: string }) {
  if (!isContainer(value)) return <Scalar value={value} />
  return (
    <div class="tree">
      <Members of={value} path={root} depth={0} />
    </div>
  )
}

const sizeOf = (v: Obj | readonly Value[]): number => (v instanceof Obj ? v.size : v.length)

const small = 20

/** Small branches of small branches begin open. */
function beginsOpen(v: Obj | readonly Value[], depth: number, siblings: number): boolean {
  return depth < 3 && sizeOf(v) <= small && siblings <= small
}

function Members({ of, path, depth }: { of: Obj | readonly Value[]; path: string; depth: number }) {
  const [shown, setShown] = useState(page)
  const n = sizeOf(of)
  const isObject = of instanceof Obj
  const rows: [key: string, value: Value, path: string][] = []
  for (let i = 0; i < Math.min(n, shown); i++) {
    if (isObject) {
      const [key, value] = of.entries[i]!
      rows.push([key, value, member(path, key)])
    } else rows.push([String(i), of[i]!, `${path}[${i}]`])
  }
  return (
    <ul>
      {rows.map(([key, value, at]) => (
        <Member key={key} name={key} value={value} path={at} list={isObject ? undefined : path} depth={depth} siblings={n} />
      ))}
      {n > shown && (
        <li>
          <button type="button" class="small" onClick={() => setShown(shown + 10 * page)}>
            {count(n - shown)} more
          </button>
        </li>
      )}
    </ul>
  )
}

function Member({ name, value, path, list, depth, siblings }: { name: string; value: Value; path: string; list: string | undefined; depth: number; siblings: number }) {
  const container = isContainer(value)
  const [open, setOpen] = useState(container && beginsOpen(value, depth, siblings))
  const key = <span class={list === undefined ? 'key' : 'index'}>{name || '""'}</span>
  return (
    <li>
      <div class="member">
        {container && sizeOf(value) > 0 ? (
          <button type="button" class="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
            <i aria-hidden="true" />
            {key}
            <span class="muted">{value instanceof Obj ? `{ ${count(value.size)} }` : `[ ${count(value.length)} ]`}</span>
          </button>
        ) : (
          <>
            {key}
            <Scalar value={value} />
          </>
        )}
        <Narrow field={path} value={value} {...(list !== undefined && askable(value) ? { ask: (has: boolean) => holding(list, value, has) } : {})} />
      </div>
      {container && open && sizeOf(value) > 0 && <Members of={value} path={path} depth={depth + 1} />}
    </li>
  )
}

/** A value that is no object or list; those two where they are empty. */
export function Scalar({ value }: { value: Value }) {
  if (typeof value === 'string') return <Text text={value} />
  if (value instanceof Num) return <span class="number">{value.text}</span>
  if (value instanceof Obj) return <span class="muted">{'{ }'}</span>
  if (Array.isArray(value)) return <span class="muted">[ ]</span>
  return <span class="keyword">{String(value)}</span>
}

/** A string; a long one in part, until it is asked for. */
export function Text({ text }: { text: string }) {
  const [shown, setShown] = useState(long)
  if (text === '') return <span class="muted">""</span>
  if (text.length <= shown) return <span class="string">{text.length < 2000 ? <Outward text={text} /> : text}</span>
  return (
    <span class="string">
      {text.slice(0, whole(text, shown))}
      <button type="button" class="small" onClick={() => setShown(shown * 10)}>
        … {count(text.length - shown)} more characters
      </button>
    </span>
  )
}

/** The cut moved so that no pair of surrogates is split. */
function whole(text: string, at: number): number {
  const c = text.charCodeAt(at - 1)
  return c >= 0xd800 && c <= 0xdbff ? at - 1 : at
}
