import type { ComponentChildren } from 'preact'
import { follow } from '../route.ts'

interface Props {
  href: string | URL
  class?: string
  title?: string
  current?: boolean
  children: ComponentChildren
}

/** A link inside the viewer. */
export function Link({ href, class: className, title, current, children }: Props) {
  return (
    <a href={String(href)} class={className} title={title} aria-current={current ? 'page' : undefined} onClick={follow}>
      {children}
    </a>
  )
}

/** The address if it is one of the web, else undefined: links of events lead nowhere else (javascript:, data:). */
export function webAddress(text: string): string | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(text)) return undefined
  try {
    const u = new URL(text)
    return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : undefined
  } catch {
    return undefined
  }
}

/** A text of an event: a link where it is an address of the web. */
export function Outward({ text }: { text: string }) {
  const href = webAddress(text)
  if (!href) return <>{text}</>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" class="outward">
      {text}
    </a>
  )
}
