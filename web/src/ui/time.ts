// Times as people read them; Intl does the work.

// They are made when they are first needed: making one takes milliseconds, and
// the first rows should not wait for all of them.
function later<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

const clock = later(() => new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }))
const day = later(() => new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' }))
const full = later(
  () =>
    new Intl.DateTimeFormat('en-GB', {
      weekday: 'short', day: '2-digit', month: 'short', year: 'numeric',
      hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, timeZoneName: 'short',
    }),
)
const numbers = later(() => new Intl.NumberFormat('en-GB'))
const short = later(() => new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 }))
const ago = later(() => new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto', style: 'long' }))

/** The viewer's own time zone, as the server is told it. */
export const zone = later(() => Intl.DateTimeFormat().resolvedOptions().timeZone)

const valid = (t: string): Date | undefined => {
  const d = new Date(t)
  return Number.isNaN(d.getTime()) ? undefined : d
}

/** "21 Nov 11:45:02.123" in the viewer's zone; the text itself where it is no time. */
export function dayAndClock(t: string): string {
  const d = valid(t)
  return d ? `${day().format(d)} ${clock().format(d)}` : t
}
export function clockTime(t: string): string {
  const d = valid(t)
  return d ? clock().format(d) : t
}
export function fullTime(t: string): string {
  const d = valid(t)
  return d ? full().format(d) : t
}

/** "3 minutes ago". */
export function since(t: string, now = Date.now()): string {
  const d = valid(t)
  if (!d) return t
  const seconds = (d.getTime() - now) / 1000
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]] as const) {
    if (Math.abs(seconds) >= length) return ago().format(Math.trunc(seconds / length), unit)
  }
  return ago().format(Math.trunc(seconds), 'second')
}

export const count = (n: number): string => numbers().format(n)
export const compact = (n: number): string => (n < 10_000 ? numbers().format(n) : short().format(n))
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

/** Milliseconds as "210 ms", "3.4 s", "2 min 5 s". */
export function duration(ms: number): string {
  if (ms < 1000) return `${numbers().format(Math.round(ms * 100) / 100)} ms`
  if (ms < 60_000) return `${numbers().format(Math.round(ms / 10) / 100)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** Bytes in decimal units: 1 MB = 1,000,000. */
export function bytes(n: number): string {
  for (const [unit, size] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]] as const) {
    if (n >= size) return `${numbers().format(Math.round((n / size) * 10) / 10)} ${unit}`
  }
  return `${numbers().format(n)} B`
}
