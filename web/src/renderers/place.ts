import { Num, Obj, type Value } from '../api/json.ts'
import type { Language } from './language.ts'
import { amount } from './payload.ts'

/** A place in a file of the application: relative to the project's root, with "/". */
export interface Place {
  file: string
  line?: number
  pos?: number
  posEnd?: number
}

/** The location under called_from or defined_in; undefined where it names no file. */
export function placeOf(v: Value | undefined): Place | undefined {
  if (!(v instanceof Obj)) return undefined
  const file = v.get('file') ?? v.get('relativePath')
  if (typeof file !== 'string' || file === '') return undefined
  const place: Place = { file }
  const whole = (...names: string[]): number | undefined => {
    const n = amount(names.map((name) => v.get(name)).find((one) => one instanceof Num))
    return n !== undefined && Number.isInteger(n) && n >= 0 ? n : undefined
  }
  const line = whole('line')
  if (line === undefined || line < 1) return place // pos needs a line
  place.line = line
  const pos = whole('pos', 'positionStart')
  if (pos === undefined) return place
  place.pos = pos
  const posEnd = whole('pos_end', 'positionEnd')
  if (posEnd !== undefined) place.posEnd = posEnd
  return place
}

/** The path as the viewer's own system writes it. */
export function localPath(file: string, platform: string): string {
  return /^win/i.test(platform) ? file.replaceAll('/', '\\') : file
}

/** "/app/Article.php:21:7": the path, and where in it. */
export function placeText(p: Place, platform: string): string {
  const parts = [localPath(p.file, platform)]
  if (p.line !== undefined) parts.push(String(p.line))
  if (p.pos !== undefined) parts.push(p.posEnd !== undefined && p.posEnd !== p.pos ? `${p.pos}–${p.posEnd}` : String(p.pos))
  return parts.join(':')
}

/** The system that the viewer runs on, in the browser's word. */
export function platformHere(): string {
  const data = (navigator as { userAgentData?: { platform?: string } }).userAgentData
  return data?.platform || navigator.platform || ''
}

export interface Marked {
  text: string
  /** range: what the location names, cursor: the one place before which it stands. */
  mark: 'range' | 'cursor' | undefined
}

/**
 * A line with what its location names in it marked. Positions count symbols from
 * 1, and both ends of a range belong to it; a range whose end lies before its
 * start is read from the lesser. One position is a cursor before that symbol; past
 * the end it is behind the last.
 */
export function marked(line: string, pos: number | undefined, posEnd: number | undefined): Marked[] {
  if (pos === undefined) return [{ text: line, mark: undefined }]
  const all = Array.from(line)
  const cut = (from: number, to: number) => all.slice(from, to).join('')
  if (posEnd === undefined) {
    const at = Math.min(Math.max(pos - 1, 0), all.length)
    return [
      { text: cut(0, at), mark: undefined },
      { text: '', mark: 'cursor' },
      { text: cut(at, all.length), mark: undefined },
    ]
  }
  const from = Math.max(Math.min(pos, posEnd) - 1, 0)
  const to = Math.max(pos, posEnd)
  return [
    { text: cut(0, from), mark: undefined },
    { text: cut(from, to), mark: 'range' },
    { text: cut(to, all.length), mark: undefined },
  ]
}

const extensions: Readonly<Record<string, Language>> = {
  sql: 'sql', json: 'json', html: 'markup', htm: 'markup', xml: 'markup', svg: 'markup', twig: 'markup', vue: 'markup', phtml: 'markup', tpl: 'markup',
  php: 'clike', js: 'clike', mjs: 'clike', cjs: 'clike', jsx: 'clike', ts: 'clike', tsx: 'clike', go: 'clike', java: 'clike', kt: 'clike', c: 'clike', h: 'clike',
  cc: 'clike', cpp: 'clike', cs: 'clike', rs: 'clike', swift: 'clike', scala: 'clike', css: 'clike', scss: 'clike',
}

/** What a file is highlighted as, by its extension; undefined: not at all. */
export function languageOf(file: string): Language | undefined {
  return extensions[/\.([A-Za-z0-9]+)$/.exec(file)?.[1]?.toLowerCase() ?? '']
}
