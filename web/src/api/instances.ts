import { signal } from '@preact/signals'
import { parseEvent, type FirnEvent } from './event.ts'
import { ask, getPlain } from './http.ts'

export interface Instance {
  id: string
  name: string
  description: string
  created_at: string
  updated_at: string
  retention_days: number
  /** Of system alone: how long its protected events are kept at least. */
  protected_days?: number
  validation: string
}

/** The instances that the caller may see, by name; undefined until they are known. */
export const instances = signal<readonly Instance[] | undefined>(undefined)

export async function loadInstances(abort?: AbortSignal): Promise<readonly Instance[]> {
  const { instances: all } = await getPlain<{ instances: Instance[] }>('/v1/instances', abort)
  instances.value = all
  return all
}

/** Finds an instance as the server does: its id first, then its name. */
export function findInstance(all: readonly Instance[], idOrName: string): Instance | undefined {
  return all.find((i) => i.id === idOrName) ?? all.find((i) => i.name === idOrName)
}

export const instancePath = (instance: string): string => `/v1/instances/${encodeURIComponent(instance)}`

/** One whole event. */
export async function getEvent(instance: string, id: string, abort?: AbortSignal): Promise<FirnEvent> {
  const answer = await ask(`${instancePath(instance)}/events/${encodeURIComponent(id)}`, abort ? { signal: abort } : {})
  return parseEvent(await answer.text())
}
