import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** A button that opens a box beneath it; a choice, Escape and a click elsewhere close it. */
export function Menu({ label, title, children, stays }: { label: ComponentChildren; title?: string; children: ComponentChildren; stays?: boolean }) {
  const box = useRef<HTMLDetailsElement>(null)
  const close = () => {
    if (!box.current?.open) return
    box.current.open = false
    box.current.querySelector('summary')?.focus()
  }
  useEffect(() => {
    const outside = (e: Event) => {
      if (box.current?.open && !box.current.contains(e.target as Node)) box.current.open = false
    }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [])
  return (
    <details
      class="menu"
      ref={box}
      onKeyDown={(e) => {
        if (e.key === 'Escape' && box.current?.open) {
          e.stopPropagation()
          close()
        }
      }}
    >
      <summary title={title}>{label}</summary>
      <div
        class="menu-box"
        onClick={(e) => {
          if (!stays && (e.target as Element).closest('button, a')) close()
        }}
      >
        {children}
      </div>
    </details>
  )
}
