import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Num, parseJson, printJson } from '../src/api/json.ts'
import { conditionValue, type Condition } from '../src/api/query.ts'
import { FilterError, parseFilter } from '../src/filter/parse.ts'
import { printCondition, printFilter } from '../src/filter/print.ts'

const dsl = (all: readonly Condition[]) => printJson(all.map(conditionValue))

const cases: [text: string, where: string, printed?: string][] = [
  ['', '[]'],
  ['severity>=warning', '[{"field":"severity","operator":"gte","value":"warning"}]'],
  ['severity >= 4', '[{"field":"severity","operator":"gte","value":4}]', 'severity>=4'],
  ['actor = 12', '[{"field":"actor","operator":"eq","value":"12"}]', 'actor=12'],
  ['payload.n=9007199254740993', '[{"field":"payload.n","operator":"eq","value":9007199254740993}]'],
  ['payload.n=1e3', '[{"field":"payload.n","operator":"eq","value":1e3}]'],
  ['payload.n="12"', '[{"field":"payload.n","operator":"eq","value":"12"}]'],
  ['payload.ok=true payload.x=null', '[{"field":"payload.ok","operator":"eq","value":true},{"field":"payload.x","operator":"eq","value":null}]'],
  ['timestamp>=2026-01-01', '[{"field":"timestamp","operator":"gte","value":"2026-01-01"}]', 'timestamp>="2026-01-01"'],
  ['timestamp>=now-15m', '[{"field":"timestamp","operator":"gte","value":"now-15m"}]'],
  ['event_type in (a, b.c)', '[{"field":"event_type","operator":"in","value":["a","b.c"]}]'],
  ['event_type in a,b', '[{"field":"event_type","operator":"in","value":["a","b"]}]', 'event_type in (a, b)'],
  ['event_type in ["a b","c"]', '[{"field":"event_type","operator":"in","value":["a b","c"]}]', 'event_type in ("a b", c)'],
  ['event_type in ()', '[{"field":"event_type","operator":"in","value":[]}]'],
  ['payload.n between (1, 5)', '[{"field":"payload.n","operator":"between","value":[1,5]}]'],
  ['payload.geo exists', '[{"field":"payload.geo","operator":"exists"}]'],
  ['payload["a b"].c[0]="x y"', '[{"field":"payload[\\"a b\\"].c[0]","operator":"eq","value":"x y"}]'],
  ['metadata.tags contains db:mysql', '[{"field":"metadata.tags","operator":"contains","value":"db:mysql"}]'],
  ['payload.m~"^a.*b$"', '[{"field":"payload.m","operator":"matches","value":"^a.*b$"}]', 'payload.m matches ^a.*b$'],
  ['timeout', '[{"search":"timeout"}]'],
  ['"time out" error', '[{"search":"time out"},{"search":"error"}]'],
  ['"or"', '[{"search":"or"}]'],
  ['checked in', '[{"search":"checked"},{"search":"in"}]', 'checked "in"'],
  ['a=1 or b=2', '[{"or":[{"field":"a","operator":"eq","value":"1"},{"field":"b","operator":"eq","value":"2"}]}]'],
  ['(a=1 or b=2) c=3', '[{"or":[{"field":"a","operator":"eq","value":"1"},{"field":"b","operator":"eq","value":"2"}]},{"field":"c","operator":"eq","value":"3"}]'],
  ['a=1 and b=2', '[{"field":"a","operator":"eq","value":"1"},{"field":"b","operator":"eq","value":"2"}]', 'a=1 b=2'],
  ['(a=1 and b=2)', '[{"and":[{"field":"a","operator":"eq","value":"1"},{"field":"b","operator":"eq","value":"2"}]}]'],
  ['a=1 b=2 or c=3', '[{"or":[{"and":[{"field":"a","operator":"eq","value":"1"},{"field":"b","operator":"eq","value":"2"}]},{"field":"c","operator":"eq","value":"3"}]}]', '(a=1 and b=2) or c=3'],
  ['not actor exists', '[{"not":{"field":"actor","operator":"exists"}}]'],
  ['not (a=1 or b=2)', '[{"not":{"or":[{"field":"a","operator":"eq","value":"1"},{"field":"b","operator":"eq","value":"2"}]}}]'],
  ['not=1', '[{"field":"not","operator":"eq","value":"1"}]'],
  ['{"search":"x"}', '[{"search":"x"}]', 'x'],
  ['[{"or":[{"search":"x"}]}]', '[{"or":[{"search":"x"}]}]', '[{"or":[{"search":"x"}]}]'],
  ['{"from":{"instance":"a"},"where":[{"field":"payload.n","operator":"eq","value":1e400}]}', '[{"field":"payload.n","operator":"eq","value":1e400}]', 'payload.n=1e400'],
  ['{"field":"payload.o","operator":"eq","value":{"a":1}}', '[{"field":"payload.o","operator":"eq","value":{"a":1}}]', '[{"field":"payload.o","operator":"eq","value":{"a":1}}]'],
  ['{"field":"actor","operator":"eq","value":12}', '[{"field":"actor","operator":"eq","value":12}]', '[{"field":"actor","operator":"eq","value":12}]'],
]

test('a filter means its query, and is printed so that it means the same', () => {
  for (const [text, where, printed = text] of cases) {
    const parsed = parseFilter(text)
    assert.equal(dsl(parsed), where, text)
    assert.equal(printFilter(parsed), printed, text)
    assert.equal(dsl(parseFilter(printFilter(parsed))), where, `${text} printed and read`)
  }
})

test('any condition is printed so that it is read back as itself', () => {
  let seed = 7
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n
  const strings = ['a', 'a b', '"', 'or', 'NOT', 'in', '12', 'true', '', '(', 'x=1', '[', '{', 'ü', '\u0000', 'a\\b', ',', 'now-1d', '~']
  const fields = ['actor', 'payload.a', 'payload["a b"]', 'payload.items[0].x', 'severity', 'metadata.tags[]']
  const value = () => [strings[random(strings.length)]!, new Num('1.50'), true, null][random(4)]!
  const condition = (depth: number): Condition => {
    const kind = random(depth > 0 ? 7 : 4)
    const two = () => [condition(depth - 1), condition(depth - 1)]
    if (kind === 0) return { search: strings[random(strings.length)]! }
    if (kind === 1) return { field: fields[random(6)]!, operator: 'exists' }
    if (kind === 2) return { field: fields[random(6)]!, operator: 'in', value: [value(), value()] }
    if (kind === 3) return { field: fields[random(6)]!, operator: ['eq', 'gte', 'contains', 'matches'][random(4)]!, value: value() }
    if (kind === 4) return { and: two() }
    if (kind === 5) return { or: two() }
    return { not: condition(depth - 1) }
  }
  for (let i = 0; i < 20_000; i++) {
    const all = Array.from({ length: 1 + random(3) }, () => condition(2))
    const printed = printFilter(all)
    assert.equal(dsl(parseFilter(printed)), dsl(all), printed)
    const one = printCondition(all[0]!)
    assert.equal(dsl(parseFilter(one)), dsl([all[0]!]), one)
  }
})

test('a fault says what and where', () => {
  for (const [text, from, says] of [
    ['payload.a>=', 11, 'a value was expected'], ['(a=1', 0, 'has no )'], ['a=1)', 3, 'no ( for'], ['a in (b', 7, 'a comma or )'],
    ['"abc', 0, 'does not end'], ['a=1 or', 6, 'a condition was expected'], ['>=3', 0, 'before >='], ['{"field":', 0, 'JSON'], ['{"a":1}', 0, '"field"'],
  ] as const) {
    assert.throws(
      () => parseFilter(text),
      (e) => e instanceof FilterError && e.from === from && e.message.includes(says),
      text,
    )
  }
})

test('JSON loses nothing', () => {
  for (const text of ['{"b":1,"2":2,"1":3}', '[1e3,-0,0.1000,9223372036854775808,1E+2]', '{"":{"":[]},"a":{}}', '"\\u0000\\ud83d\\ude00"', 'true', 'null', '[[],{}]']) {
    assert.equal(printJson(parseJson(text)), text === '"\\u0000\\ud83d\\ude00"' ? '"\\u0000😀"' : text)
  }
  assert.equal(printJson(parseJson(' { "a" : [ 1 , { } ] } '), '  '), '{\n  "a": [\n    1,\n    {}\n  ]\n}')
  for (const bad of ['', '{', '[1,]', '{"a"}', '01', '"a', 'tru', '1 2', '{"a":1,}', '"\n"', 'nul']) assert.throws(() => parseJson(bad), bad)
})
