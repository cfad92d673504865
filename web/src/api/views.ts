import { signal } from '@preact/signals'
import { getPlain, send } from './http.ts'

/** A saved view: what the explorer's address says of an instance, kept by the server under a name, for all. */
export interface View {
  name: string
  instance: string
  /** The query string without the instance and the "?". */
  query: string
}

export const views = signal<readonly View[]>([])

export async function loadViews(): Promise<void> {
  views.value = (await getPlain<{ views: View[] }>('/v1/views')).views
}

const path = (name: string) => `/v1/views/${encodeURIComponent(name)}`

export async function saveView({ name, instance, query }: View): Promise<void> {
  await send('PUT', path(name), { instance, query })
  await loadViews()
}

export async function deleteView(name: string): Promise<void> {
  await send('DELETE', path(name))
  await loadViews()
}
