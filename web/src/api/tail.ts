import { ask, Problem } from './http.ts'
import { instancePath } from './instances.ts'
import { conditionValue, type Condition } from './query.ts'
import { printJson } from './json.ts'

export type TailState = 'connecting' | 'live' | 'lost' | 'refused'

export interface Listener {
  /** What arrived, in order: the events' texts and the position of the last. */
  arrived(texts: string[], last: number): void
  /** Positions that were removed, or lost to damage, before they could be delivered. */
  gap(first: number, last: number, lost: boolean): void
  state(now: TailState, why?: Problem): void
}

/**
 * Follows an instance from behind a position, until stop is called. A lost
 * connection is taken up again at the last position, so nothing is missed or
 * told twice; the waits between tries grow to ten seconds.
 */
export function follow(instance: string, where: readonly Condition[], after: number, to: Listener): { stop(): void } {
  const abort = new AbortController()
  const tail = new Tail(instance, where, after, to, abort.signal)
  void tail.run()
  return { stop: () => abort.abort() }
}

class Tail {
  private wait = 500
  constructor(
    private readonly instance: string,
    private readonly where: readonly Condition[],
    private after: number,
    private readonly to: Listener,
    private readonly abort: AbortSignal,
  ) {}

  async run(): Promise<void> {
    while (!this.abort.aborted) {
      this.to.state('connecting')
      try {
        await this.once()
      } catch (e) {
        if (this.abort.aborted) return
        if (e instanceof Problem && e.status >= 400 && e.status < 500 && e.status !== 429) {
          this.to.state('refused', e)
          return
        }
      }
      if (this.abort.aborted) return
      this.to.state('lost')
      await this.pause()
    }
  }

  private path(): string {
    const parameters = new URLSearchParams({ after: String(this.after) })
    if (this.where.length > 0) parameters.set('where', printJson(this.where.map(conditionValue)))
    return `${instancePath(this.instance)}/tail?${parameters}`
  }

  private async once(): Promise<void> {
    const answer = await ask(this.path(), { signal: this.abort, headers: { Accept: 'text/event-stream' } })
    if (!answer.body) throw new Error('the answer has no body')
    this.to.state('live')
    const messages = new Messages()
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      this.wait = 500
      this.take(messages.read(value))
    }
  }

  private take(all: readonly Message[]): void {
    let texts: string[] = []
    for (const m of all) {
      if (m.event === 'message' && m.data) texts.push(m.data)
      else if (m.event === 'gap') {
        if (texts.length > 0) this.to.arrived(texts, this.after)
        texts = []
        const gap = JSON.parse(m.data) as { first: number; last: number; lost?: boolean }
        this.to.gap(gap.first, gap.last, gap.lost ?? false)
      }
      if (m.id > this.after) this.after = m.id
    }
    if (texts.length > 0) this.to.arrived(texts, this.after)
  }

  private pause(): Promise<void> {
    const wait = this.wait * (0.75 + Math.random() / 2)
    this.wait = Math.min(10_000, this.wait * 2)
    return new Promise((go) => {
      const timer = setTimeout(done, wait)
      const { abort } = this
      function done() {
        clearTimeout(timer)
        removeEventListener('online', done)
        abort.removeEventListener('abort', done)
        go()
      }
      addEventListener('online', done)
      abort.addEventListener('abort', done)
    })
  }
}

export interface Message {
  event: string
  data: string
  /** The position that it names; 0 where it names none. */
  id: number
}

/** Takes Server-Sent Events apart as their text arrives. */
export class Messages {
  private rest = ''
  private event = 'message'
  private data = ''
  private id = 0

  read(text: string): Message[] {
    const all: Message[] = []
    const buffer = this.rest + text
    let from = 0
    for (let end = buffer.indexOf('\n'); end >= 0; end = buffer.indexOf('\n', from)) {
      this.line(buffer, from, end, all)
      from = end + 1
    }
    this.rest = buffer.slice(from)
    return all
  }

  private line(buffer: string, from: number, end: number, to: Message[]): void {
    if (end > from && buffer[end - 1] === '\r') end--
    if (end === from) {
      if (this.data || this.id > 0) to.push({ event: this.event, data: this.data, id: this.id })
      this.event = 'message'
      this.data = ''
      this.id = 0
    } else if (buffer.startsWith('data: ', from)) {
      this.data += (this.data ? '\n' : '') + buffer.slice(from + 6, end)
    } else if (buffer.startsWith('id: ', from)) {
      this.id = Number(buffer.slice(from + 4, end)) || 0
    } else if (buffer.startsWith('event: ', from)) {
      this.event = buffer.slice(from + 7, end)
    }
  }
}
