import { effect, signal } from '@preact/signals'

export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const stored = localStorage.getItem('firn.theme')

/** The colours: those of the system, or one's own choice, kept in the browser. */
export const theme = signal<Theme>(themes.includes(stored as Theme) ? (stored as Theme) : 'auto')

/** Changes when the colours do, the system's own change included; for what draws on a canvas. */
export const colours = signal(0)

effect(() => {
  document.documentElement.dataset.theme = theme.value
  if (theme.value === 'auto') localStorage.removeItem('firn.theme')
  else localStorage.setItem('firn.theme', theme.value)
  colours.value = colours.peek() + 1
})

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colours.value++
})
