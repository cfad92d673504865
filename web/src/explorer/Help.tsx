import { useEffect, useRef } from 'preact/hooks'
import { helpShown, keys } from './keys.ts'

/** Keys and the filter language, on one page. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => (helpShown.value = false)}>
      <h1 id="help-title">Keys</h1>
      <dl class="fields">
        {keys.map(([key, does]) => (
          <>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <h2>Filters</h2>
      <dl class="fields">
        <dt>
          <code>severity&gt;=warning</code>
        </dt>
        <dd>FIELD OPERATOR VALUE: = != &gt; &gt;= &lt; &lt;= ~ contains icontains starts_with in not_in between exists</dd>
        <dt>
          <code>payload.status in (500, 503)</code>
        </dt>
        <dd>paths into payload and metadata; numbers are compared exactly</dd>
        <dt>
          <code>timeout "lost connection"</code>
        </dt>
        <dd>words are searched for in type, subject, actor and payload</dd>
        <dt>
          <code>(actor=a or actor=b) not …</code>
        </dt>
        <dd>conditions side by side must all hold</dd>
        <dt>
          <code>{'{"field": …}'}</code>
        </dt>
        <dd>the query language itself is taken too; the button {'{ }'} shows it</dd>
      </dl>
      <form method="dialog">
        <button type="submit" class="primary">
          Close
        </button>
      </form>
    </dialog>
  )
}
