import { useState } from 'preact/hooks'
import type { FirnEvent } from '../api/event.ts'
import { instanceName } from '../explorer/InstanceSwitch.tsx'
import { eventPath } from '../route.ts'
import { Field, Fields } from '../ui/Fields.tsx'
import { Code } from './Code.tsx'
import { DebugFacts } from './debug.tsx'
import { text, texts } from './payload.ts'
import type { Renderer } from './registry.ts'

const lists = ['to', 'cc', 'bcc', 'attachments'] as const
const single = ['from', 'subject', 'reply_to', 'replyTo', 'body'] as const

/** A mail that was sent: its envelope, its source, and what it looks like. */
function Body({ event: e }: { event: FirnEvent }) {
  const [preview, setPreview] = useState(false)
  const list = (name: string) => texts(e.payload.get(name))?.join(', ')
  const body = text(e, 'body') ?? ''
  return (
    <>
      <h3>{text(e, 'subject')}</h3>
      <Fields>
        <Field name="from">{text(e, 'from')}</Field>
        <Field name="to">{list('to')}</Field>
        <Field name="cc">{list('cc')}</Field>
        <Field name="bcc">{list('bcc')}</Field>
        <Field name="reply to">{text(e, 'reply_to')}</Field>
        <Field name={text(e, 'reply_to') === undefined ? 'reply to' : 'replyTo'}>{text(e, 'replyTo')}</Field>
        <Field name="attachments">{list('attachments')}</Field>
      </Fields>
      <div class="actions" role="group" aria-label="The body">
        <button type="button" class="small" aria-pressed={!preview} onClick={() => setPreview(false)}>
          source
        </button>
        <button type="button" class="small" aria-pressed={preview} onClick={() => setPreview(true)}>
          preview
        </button>
      </div>
      {preview ? <Preview event={e} /> : <Code text={body} language={isHTML(body) ? 'markup' : undefined} label="the body" />}
      <DebugFacts event={e} />
    </>
  )
}

/** Whether a body is HTML; the server decides by the same rule. */
export function isHTML(body: string): boolean {
  return /<[A-Za-z!/?]/.test(body)
}

/**
 * What the mail looks like. It is hostile: its document has a policy of its own
 * (internal/server/viewer_mail.go), and the frame gives it no right at all.
 */
function Preview({ event: e }: { event: FirnEvent }) {
  const [remote, setRemote] = useState(false)
  const at = `${eventPath(instanceName.value ?? e.instance_id, e.id)}/mail`
  return (
    <div class="mail">
      <iframe key={String(remote)} sandbox="" title="Preview of the mail" src={remote ? `${at}?images=remote` : at} />
      <div class="actions">
        <a class="button" href={at} target="_blank" rel="noopener noreferrer">
          open in a tab
        </a>
        <button type="button" class="small" aria-pressed={remote} title="Their servers learn that somebody looked at the mail" onClick={() => setRemote(!remote)}>
          load remote images
        </button>
      </div>
    </div>
  )
}

export const mail: Renderer = {
  claims: (e) => e.event_type === 'email' && typeof e.payload.get('body') === 'string',
  shown: (e) => [...single.filter((name) => text(e, name) !== undefined), ...lists.filter((name) => texts(e.payload.get(name)))],
  Body,
}
