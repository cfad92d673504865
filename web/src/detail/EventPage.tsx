import { getEvent } from '../api/instances.ts'
import { Problem } from '../api/http.ts'
import { Empty, Fault } from '../ui/State.tsx'
import { Link } from '../ui/Link.tsx'
import { useAsync } from '../ui/useAsync.ts'
import { Detail } from './Detail.tsx'

/** One event at its own address. */
export function EventPage({ instance, id }: { instance: string; id: string }) {
  const found = useAsync((abort) => getEvent(instance, id, abort), [instance, id])
  if (found.fault instanceof Problem && found.fault.status === 404) {
    return (
      <Empty title="There is no such event">
        <p>
          The instance <q>{instance}</q> holds no event with the id <code>{id}</code>. It may have been removed by retention or a purge,
          or your key may not see the instance.
        </p>
        <p>
          <Link href={`/?instance=${encodeURIComponent(instance)}`}>To the events of {instance}</Link>
        </p>
      </Empty>
    )
  }
  if (found.fault) return <Fault of={found.fault} retry={found.reload} />
  if (!found.value) return <div class="loading" aria-busy="true" />
  return (
    <article class="event-page">
      <Detail instance={instance} event={found.value} />
    </article>
  )
}
