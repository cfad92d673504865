import { signal } from '@preact/signals'
import { getPlain, send } from './http.ts'

/** A saved view: an address of the explorer under a name, kept by the server for all. */
export interface View {
  name: string
  /** The query string of the address, from the "?" on. */
  query: string
}

export const views = signal<readonly View[]>([])

export async function loadViews(): Promise<void> {
  views.value = (await getPlain<{ views: View[] }>('/v1/views')).views
}

const path = (name: string) => `/v1/views/${encodeURIComponent(name)}`

export async function saveView(name: string, query: string): Promise<void> {
  await send('PUT', path(name), { query })
  await loadViews()
}

export async function deleteView(name: string): Promise<void> {
  await send('DELETE', path(name))
  await loadViews()
}
