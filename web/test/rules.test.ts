// The rules of the web debug document (the table of viewer rules), as far as
// they need no browser; test/browser/ has the others. Names say the rule.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, type FirnEvent } from '../src/api/event.ts'
import { parseJson } from '../src/api/json.ts'
import { findingsOf, shapeOf } from '../src/pages/requests/findings.ts'
import { filtersOf, matchesTags, parseTags, printTags, split } from '../src/pages/requests/tags.ts'
import { totalsOf, totalWords } from '../src/pages/requests/totals.ts'
import { barOf, flat, importanceOf, pruned, spanOf, treeOf } from '../src/pages/requests/tree.ts'
import { ballotsOf } from '../src/pages/requests/votes.ts'
import { languageOf, localPath, marked, placeOf, placeText } from '../src/renderers/place.ts'
import { params } from '../src/renderers/payload.ts'
import { firstSymbols, symbols } from '../src/renderers/symbols.ts'

let made = 0
interface Shape {
  type?: string
  payload?: object
  severity?: string
  time?: number
  [metadata: string]: unknown
}

/** An event as the log has it after POST /debug/schemes. */
function event({ type = 'log', payload = {}, severity = 'info', time, ...metadata }: Shape): FirnEvent {
  made++
  const index = metadata.index ?? made
  const all = { scheme_id: 's', ...metadata, index, ...(time === undefined ? { envelope: ['type', 'payload'] } : {}) }
  return eventOf(
    parseJson(JSON.stringify({ id: `s:${index}`, position: made, event_type: type, severity, payload, metadata: all, timestamp: new Date(time ?? 1.6e12).toISOString() })),
  )
}
const ids = (all: readonly { event: FirnEvent }[]) => all.map((n) => n.event.id)

test('events: oldest to newest, in the order of the scheme; nesting is kept over three levels', () => {
  const events = [
    event({ index: 0, time: 1000 }), event({ index: 1, parent_id: 's:0', time: 900 }), event({ index: 2, parent_id: 's:1' }), event({ index: 3, time: 1000 }), event({ index: 10 }), event({ index: 4 }),
  ]
  const tree = treeOf([...events].reverse())
  assert.deepEqual(ids(flat(tree)), ['s:0', 's:1', 's:2', 's:3', 's:4', 's:10'])
  assert.deepEqual(flat(tree).map((n) => n.depth), [0, 1, 2, 0, 0, 0])
})

test('events without a time have no place in the waterfall, and equal times the same', () => {
  const tree = treeOf([event({ index: 0, time: 1000, duration: 100 }), event({ index: 1, time: 1050, duration: 25 }), event({ index: 2 }), event({ index: 3, time: 1050, duration: 25 })])
  const span = spanOf(tree)
  assert.deepEqual(span, { from: 1000, to: 1100 })
  assert.deepEqual(tree.map((n) => barOf(n, span)), [{ left: 0, width: 100 }, { left: 50, width: 25 }, undefined, { left: 50, width: 25 }])
  assert.equal(spanOf(treeOf([event({}), event({})])), undefined)
})

test('an event whose parent is missing, or comes behind it, is not lost', () => {
  const tree = treeOf([event({ index: 0, parent_id: 's:1' }), event({ index: 1, parent_id: 's:0' }), event({ index: 2, parent_id: 'none' })])
  assert.equal(flat(tree).length, 3)
})

test('range 1–8 filters by importance: what says none is info; what an event is nested in stays', () => {
  const tree = treeOf([event({ index: 0, severity: 'debug' }), event({ index: 1, parent_id: 's:0', severity: 'error' }), event({ index: 2, severity: '' })])
  assert.deepEqual(ids(flat(pruned(tree, (e) => importanceOf(e) >= 5))), ['s:0', 's:1'])
  assert.deepEqual(flat(tree).map((n) => importanceOf(n.event)), [1, 5, 2])
})

test('tags of all events, nested ones too, make the filters: multipart is a list named by its left part, a flag a box; a→z', () => {
  const events = [
    event({ index: 0, tags: ['server:php_03', 'is_production', 'db:redis'] }),
    event({ index: 1, parent_id: 's:0', tags: ['db:mysql', 'Zeta', 'éclair', 'alpha', 'db'] }),
    event({ index: 2, tags: 'no list' }), event({ index: 3, tags: [7] }),
  ]
  assert.deepEqual(filtersOf(events), {
    names: [{ name: 'db', values: ['mysql', 'redis'] }, { name: 'server', values: ['php_03'] }],
    flags: ['alpha', 'db', 'éclair', 'is_production', 'Zeta', 'no list'].sort((a, b) => a.localeCompare(b, 'en', { sensitivity: 'base' })),
  })
})

test('tags: an empty name or value is one; two colons are split at the first', () => {
  assert.deepEqual([split(':x'), split('x:'), split('a:b:c'), split('flag'), split('')], [
    { name: '', value: 'x' }, { name: 'x', value: '' }, { name: 'a', value: 'b:c' }, { name: 'flag', value: undefined }, { name: '', value: undefined },
  ])
})

test('tags: one of the values of each name, and every flag; a flag that equals a name is a flag', () => {
  const e = event({ tags: ['db:mysql', 'db', 'server:a:b'] })
  for (const [chosen, want] of [
    [[], true], [['db:mysql'], true], [['db:redis'], false], [['db:redis', 'db:mysql'], true], [['db'], true], [['db', 'db:redis'], false], [['server'], false],
    [['server:a:b', 'db:mysql'], true], [['server:a'], false],
  ] as const) {
    assert.equal(matchesTags(e, chosen), want, chosen.join(' '))
  }
  const odd = ['a,b:c', 'é&=', 'x y', '%']
  assert.deepEqual(parseTags(printTags(odd)), odd)
})

test('path: only what is relative to the root is shown, with the separator of the system it is viewed on', () => {
  const place = placeOf(event({ called_from: { file: '/app/Article.php', line: 21 } }).metadata.get('called_from'))
  assert.ok(place)
  assert.equal(placeText(place, 'Linux x86_64'), '/app/Article.php:21')
  assert.equal(placeText(place, 'Win32'), '\\app\\Article.php:21')
  assert.equal(localPath('/a/b', 'Windows'), '\\a\\b')
  assert.equal(localPath('/a/b', 'MacIntel'), '/a/b')
})

test('location: no line is the path alone; pos needs a line, pos_end a pos; both dialects', () => {
  const of = (v: object) => placeOf(event({ called_from: v }).metadata.get('called_from'))
  assert.deepEqual(of({ file: '/a.php' }), { file: '/a.php' })
  assert.deepEqual(of({ file: '/a.php', pos: 3 }), { file: '/a.php' })
  assert.deepEqual(of({ file: '/a.php', line: 2, pos_end: 9 }), { file: '/a.php', line: 2 })
  assert.deepEqual(of({ file: '/a.php', line: 2, pos: 3, pos_end: 9 }), { file: '/a.php', line: 2, pos: 3, posEnd: 9 })
  assert.deepEqual(of({ relativePath: '/a.php', line: 2, positionStart: 3, positionEnd: 9 }), { file: '/a.php', line: 2, pos: 3, posEnd: 9 })
  for (const bad of [{}, { file: 7 }, { file: '' }, { line: 2 }]) assert.equal(of(bad), undefined)
  assert.deepEqual(of({ file: '/a', line: '2' }), { file: '/a' })
  assert.deepEqual(of({ file: '/a', line: 0 }), { file: '/a' })
})

test('location: line and pos are a cursor, past the end behind the last symbol', () => {
  assert.deepEqual(marked('abc', 2, undefined).map((m) => [m.text, m.mark]), [['a', undefined], ['', 'cursor'], ['bc', undefined]])
  assert.deepEqual(marked('abc', 99, undefined).map((m) => m.text), ['abc', '', ''])
  assert.deepEqual(marked('abc', undefined, undefined), [{ text: 'abc', mark: undefined }])
})

test('location: pos ≤ i ≤ pos_end is highlighted, both ends included', () => {
  const range = (line: string, pos: number, end: number) => marked(line, pos, end).find((m) => m.mark === 'range')?.text
  assert.equal(range('abcdef', 2, 4), 'bcd')
  assert.equal(range('abcdef', 2, 2), 'b')
  assert.equal(range('abcdef', 4, 2), 'bcd') // reversed
  assert.equal(range('a😀ßdef', 2, 3), '😀ß') // of symbols, not of bytes
  assert.equal(range('abc', 2, 99), 'bc')
  assert.equal(range('abc', 50, 99), '')
})

test('location: highlighted by the extension of the file', () => {
  for (const [file, want] of [['/a.php', 'clike'], ['/a.SQL', 'sql'], ['/a.twig', 'markup'], ['/a.json', 'json'], ['/Makefile', undefined], ['/a.unknown', undefined]] as const) {
    assert.equal(languageOf(file), want, file)
  }
})

test('log: the context is cut to 4096 symbols, never through a pair of surrogates', () => {
  for (const n of [4095, 4096]) assert.equal(firstSymbols('é'.repeat(n), 4096).length, n)
  assert.equal(firstSymbols('x'.repeat(4097), 4096).length, 4096)
  assert.equal(symbols(firstSymbols('😀'.repeat(4097), 4096)), 4096)
  assert.equal(firstSymbols(`${'x'.repeat(4095)}😀y`, 4096), `${'x'.repeat(4095)}😀`)
  assert.equal(symbols('a😀\ud800b'), 4) // a lone half is one
})

test('query: per target the number of queries and their total, in the words of the document', () => {
  const query = (target: string | undefined, duration?: number, more = {}) =>
    event({ type: 'query', payload: { query: 'q', ...(target === undefined ? {} : { target }) }, ...(duration === undefined ? {} : { duration }), ...more })
  const all = [...Array.from({ length: 7 }, () => query('mysql', 30)), ...Array.from({ length: 12 }, (_, i) => query('redis', i < 4 ? 16 : 0, { parent_id: 's:1' })), event({ duration: 1000 })]
  assert.deepEqual(totalsOf(all).map((t) => `target ${t.target} ${totalWords(t)}`), ['target mysql 7 requests, total 210 ms', 'target redis 12 requests, total 64 ms'])
})

test('query: a missing duration is counted, not added, and said so', () => {
  const query = (duration?: unknown) => event({ type: 'query', payload: { target: 'mysql', query: 'q' }, ...(duration === undefined ? {} : { duration }) })
  assert.deepEqual(totalsOf([query(5), query(), query('9')]).map(totalWords), ['3 requests, total 5 ms (2 without a duration, not in the total)'])
  assert.deepEqual(totalsOf([query(1)]).map(totalWords), ['1 request, total 1 ms'])
})

const asked = (text: string, duration?: number, more = {}) =>
  event({ type: 'query', payload: { target: 'mysql', query: text }, ...(duration === undefined ? {} : { duration }), called_from: { file: '/a.php', line: 12 }, ...more })

test('duplicates: the same query to the same target, with what all but one took', () => {
  const found = findingsOf(treeOf([asked('SELECT 1', 10), asked('SELECT 1', 20), asked('SELECT 2', 5)]))
  assert.deepEqual(found.map((f) => [f.kind, f.wasted, f.events.length]), [['duplicate', 10, 2]])
  assert.match(found[0]?.reason ?? '', /same query ran 2 times/)
})

test('N+1: queries inside one event and from one place that differ in their values only, from three on', () => {
  const like = (n: number, more = {}) => Array.from({ length: n }, (_, i) => asked(`SELECT * FROM c WHERE a = ${i} AND b = 'x${i}'`, 5, more))
  assert.deepEqual(findingsOf(treeOf(like(2))), [])
  const found = findingsOf(treeOf(like(4)))
  assert.deepEqual(found.map((f) => [f.kind, f.wasted, f.events.length]), [['n+1', 15, 4]])
  assert.match(found[0]?.reason ?? '', /4 queries differ in their values only, called from the same place \(\/a\.php:12\)/)
  const apart = like(4).map((e, i) => asked(String(e.payload.get('query')), 5, { called_from: { file: '/a.php', line: i } }))
  assert.deepEqual(findingsOf(treeOf(apart)), [], 'from other places')
})

test('a query without its values: texts, numbers and lists of them', () => {
  assert.equal(shapeOf(`SELECT *  FROM t1 WHERE a = 'it''s' AND b IN (1, 2.5,3)`), 'SELECT * FROM t1 WHERE a = ? AND b IN (?)')
  assert.equal(shapeOf('GET user:17'), 'GET user:?')
})

const check = (access: string, severity: string, more: object) => event({ type: 'access_check', severity, payload: { access, ...more } })

test('access: votes are counted for each control, object and action; the highest importance is final', () => {
  const article = { control: 'article:helloWorld', object: 'user:admin', action: 'publish' }
  const [b, other] = ballotsOf([check('GRANT', 'debug', article), check('DENIED', 'debug', article), check('GRANT', 'debug', article), check('GRANT', 'notice', article), check('DENIED', 'notice', { control: 'Cockpit', object: 'R2-D2' })])
  assert.deepEqual([b?.grants, b?.denials, b?.final?.severity], [2, 1, 'notice'])
  assert.deepEqual([other?.object, other?.action, other?.checks.length, other?.final], ['R2-D2', undefined, 1, undefined])
})

test('access: a tie has no final result, nor has a single vote; an unknown word is neither', () => {
  const on = { control: 'Lounge', object: 'Luke' }
  const [tie] = ballotsOf([check('GRANT', 'notice', on), check('DENIED', 'notice', on), check('MAYBE', 'debug', on)])
  assert.deepEqual([tie?.final, tie?.grants, tie?.denials, tie?.others], [undefined, 1, 1, 1])
})

test('request: entries keep their order, repeated keys and any scalar; what is no such list is left to the tree', () => {
  const of = (v: unknown) => params(event({ payload: { headers: v } }).payload.get('headers'))
  assert.deepEqual(of([{ key: 'a', value: 'x' }, { key: 'a', value: 12345678901234567 }, { key: 'b', value: null, extra: 1 }])?.map((p) => [p.key, p.more?.size]), [['a', undefined], ['a', undefined], ['b', 1]])
  for (const bad of [undefined, 'x', {}, [1], [{ key: 'a' }], [{ key: 1, value: 2 }]]) assert.equal(of(bad), undefined)
})
