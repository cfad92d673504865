/** How one of the places is doing where events also go. */
export interface Target {
  name: string
  type: string
  state: 'running' | 'retrying' | 'paused' | 'stopped'
  lag_events: number
  lag_seconds: number
  delivered: number
  dead_letters: number
  last_error: string | null
  last_error_at: string | null
}

export const targetPath = (name: string): string => `/v1/targets/${encodeURIComponent(name)}`
