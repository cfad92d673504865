import { computed, signal } from '@preact/signals'

// All state that a person may want to share, reload or go back to is in the
// URL. This is the one place that reads and writes it.

/** Where the page is. Never assigned elsewhere: use go and setParams. */
export const url = signal(new URL(location.href))

export const path = computed(() => url.value.pathname)
export const params = computed(() => url.value.searchParams)

addEventListener('popstate', () => {
  url.value = new URL(location.href)
})

/** Goes to an address of this page. replace: without an entry in the history. */
export function go(to: string | URL, replace = false): void {
  const next = new URL(to, location.href)
  if (next.href === location.href) return
  history[replace ? 'replaceState' : 'pushState'](null, '', next)
  url.value = next
}

/** The address here with some parameters changed; null removes one. */
export function withParams(changes: Readonly<Record<string, string | null>>, from = url.value): URL {
  const next = new URL(from)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') next.searchParams.delete(name)
    else next.searchParams.set(name, value)
  }
  next.search = readable(next.search)
  return next
}

export function setParams(changes: Readonly<Record<string, string | null>>, replace = false): void {
  go(withParams(changes), replace)
}

/** A query string that a person can read: what needs no escape has none. */
function readable(search: string): string {
  return search.replace(/%(2F|3A|2C|40|28|29|3E|3C|22|5B|5D|7C|7E|21)/gi, (escaped, hex: string) => {
    const c = String.fromCharCode(parseInt(hex, 16))
    return c === '"' || c === '<' || c === '>' ? escaped : c
  })
}

/** The segments of a path, decoded; undefined where one is malformed. */
export function segments(of: string): string[] | undefined {
  try {
    return of.split('/').slice(1).map(decodeURIComponent)
  } catch {
    return undefined
  }
}

export function eventPath(instance: string, id: string): string {
  return `/e/${encodeURIComponent(instance)}/${encodeURIComponent(id)}`
}

/** Follows a click on a link inside the page without loading it anew. */
export function follow(e: MouseEvent): void {
  if (e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return
  const a = e.currentTarget as HTMLAnchorElement
  if (a.target || a.origin !== location.origin) return
  e.preventDefault()
  go(a.href)
}

/** The explorer with one value of a field. */
export function explorerPath(instance: string, field: string, value: string): string {
  const word = /^[\p{L}\p{N}_.:-]+$/u.test(value) ? value : JSON.stringify(value)
  return `/?instance=${encodeURIComponent(instance)}&q=${encodeURIComponent(`${field}=${word}`)}`
}
