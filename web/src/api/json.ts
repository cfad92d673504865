// JSON that loses nothing: numbers keep their literals, objects their keys'
// order. Payloads and metadata are read with it; JSON.parse turns 2^53+1 into
// 2^53 and moves keys that look like numbers to the front.

/** A number as it is written. */
export class Num {
  constructor(readonly text: string) {}
  /** The nearest double; for drawing and sums, never for showing. */
  get value(): number {
    return Number(this.text)
  }
}

/** An object: its members in the order in which they came. */
export class Obj {
  private index?: Map<string, Value>
  constructor(readonly entries: readonly (readonly [string, Value])[]) {}
  get(key: string): Value | undefined {
    this.index ??= new Map(this.entries)
    return this.index.get(key)
  }
  get size(): number {
    return this.entries.length
  }
}

export type Value = null | boolean | string | Num | Obj | readonly Value[]

export const emptyObj = new Obj([])

export class JsonError extends Error {}

/** Reads one JSON text; throws JsonError with the place of the fault. */
export function parseJson(text: string): Value {
  return new Reader(text).whole()
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const plain = /[^"\\]*/y

class Reader {
  private at = 0
  constructor(private readonly text: string) {}

  whole(): Value {
    const v = this.value()
    this.space()
    if (this.at < this.text.length) this.fail('nothing more was expected')
    return v
  }

  private fail(what: string): never {
    throw new JsonError(`not valid JSON at character ${this.at + 1}: ${what}`)
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return
      this.at++
    }
  }

  private value(): Value {
    this.space()
    switch (this.text[this.at]) {
      case '{':
        return this.object()
      case '[':
        return this.array()
      case '"':
        return this.string()
      case 't':
        return this.word('true', true)
      case 'f':
        return this.word('false', false)
      case 'n':
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  private word<T extends boolean | null>(word: string, means: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('a value was expected')
    this.at += word.length
    return means
  }

  private number(): Num {
    number.lastIndex = this.at
    const match = number.exec(this.text)
    if (!match) this.fail('a value was expected')
    this.at = number.lastIndex
    return new Num(match[0])
  }

  private string(): string {
    const start = this.at++
    for (;;) {
      plain.lastIndex = this.at
      plain.exec(this.text)
      this.at = plain.lastIndex
      if (this.at >= this.text.length) this.fail('the string does not end')
      if (this.text[this.at] === '"') break
      this.at += 2
    }
    this.at++
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string
    } catch {
      this.at = start
      return this.fail('the string is malformed')
    }
  }

  private object(): Obj {
    const entries: [string, Value][] = []
    this.at++
    this.space()
    if (this.text[this.at] === '}') {
      this.at++
      return new Obj(entries)
    }
    for (;;) {
      this.space()
      if (this.text[this.at] !== '"') this.fail('a key was expected')
      const key = this.string()
      this.space()
      if (this.text[this.at] !== ':') this.fail('a colon was expected')
      this.at++
      entries.push([key, this.value()])
      if (this.more('}')) return new Obj(entries)
    }
  }

  private array(): Value[] {
    const items: Value[] = []
    this.at++
    this.space()
    if (this.text[this.at] === ']') {
      this.at++
      return items
    }
    for (;;) {
      items.push(this.value())
      if (this.more(']')) return items
    }
  }

  private more(end: string): boolean {
    this.space()
    const c = this.text[this.at]
    if (c !== ',' && c !== end) this.fail(`a comma or ${end} was expected`)
    this.at++
    return c === end
  }
}

/** Writes a value as compact JSON, or with an indentation. */
export function printJson(v: Value, indent = ''): string {
  const parts: string[] = []
  print(v, indent, indent ? '\n' : '', parts)
  return parts.join('')
}

function print(v: Value, indent: string, line: string, to: string[]): void {
  if (v instanceof Num) to.push(v.text)
  else if (v instanceof Obj) {
    printAll('{', '}', v.entries, indent, line, to, ([key, value], inner) => {
      to.push(JSON.stringify(key), indent ? ': ' : ':')
      print(value, indent, inner, to)
    })
  } else if (Array.isArray(v)) {
    printAll('[', ']', v as readonly Value[], indent, line, to, (value, inner) => print(value, indent, inner, to))
  } else to.push(JSON.stringify(v))
}

function printAll<T>(
  open: string, close: string, all: readonly T[], indent: string, line: string, to: string[],
  one: (item: T, inner: string) => void,
): void {
  if (all.length === 0) {
    to.push(open, close)
    return
  }
  const inner = line + indent
  to.push(open)
  all.forEach((item, i) => {
    to.push(i > 0 ? ',' : '', inner)
    one(item, inner)
  })
  to.push(line, close)
}

/** The value at a path of keys and indices; undefined where there is none. */
export function at(v: Value | undefined, path: readonly (string | number)[]): Value | undefined {
  for (const step of path) {
    if (v instanceof Obj) v = v.get(String(step))
    else if (Array.isArray(v)) v = (v as readonly Value[])[Number(step)]
    else return undefined
  }
  return v
}
