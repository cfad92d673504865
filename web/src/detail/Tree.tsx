import { Obj, printJson, type Value } from '../api/json.ts'

/** A JSON value as a tree: big numbers exact, keys in their order. root is the path it stands at ("payload"). */
export function Tree({ value }: { value: Value; root: string }) {
  return <pre class="tree">{value instanceof Obj ? printJson(value, '  ') : printJson(value)}</pre>
}
