import { getEvent } from '../api/instances.ts'
import { Num } from '../api/json.ts'
import { queryEvents } from '../api/query.ts'
import { Detail } from '../detail/Detail.tsx'
import { setParams } from '../route.ts'
import { say } from '../ui/announce.tsx'
import { Boundary } from '../ui/Boundary.tsx'
import { Fault } from '../ui/State.tsx'
import { useAsync } from '../ui/useAsync.ts'
import { instanceName } from './InstanceSwitch.tsx'
import { selectedId } from './scope.ts'

/** The event that is open, beside the list. */
export function Side({ instance, id }: { instance: string; id: string }) {
  const found = useAsync((abort) => getEvent(instance, id, abort), [instance, id])
  return (
    <aside class="side" aria-label="Event" aria-busy={found.busy}>
      <Boundary of="this event" key={id}>
        {found.fault !== undefined && <Fault of={found.fault} retry={found.reload} />}
        {found.value && (
          <Detail
            instance={instance}
            event={found.value}
            close={() => {
              setParams({ event: null })
              document.getElementById('list')?.focus()
            }}
            step={(by) => void step(by)}
          />
        )}
      </Boundary>
    </aside>
  )
}

/** Opens the previous or next event of the same stream. */
export async function step(by: -1 | 1): Promise<void> {
  const instance = instanceName.value
  const id = selectedId.value
  if (!instance || !id) return
  try {
    const here = await getEvent(instance, id)
    const next = await neighbour(instance, here.stream_id, here.sequence_number, by)
    if (next) setParams({ event: next }, true)
    else say(by < 0 ? 'This is the first event of its stream' : 'This is the last event of its stream')
  } catch (e) {
    say(e instanceof Error ? e.message : 'That did not work')
  }
}

/** The id of the event before or behind another in its stream. */
export async function neighbour(instance: string, stream: string, sequence: number, by: -1 | 1): Promise<string | undefined> {
  const { events } = await queryEvents({
    instance, stream, select: ['id'], limit: 1, total: false,
    where: [{ field: 'sequence_number', operator: by < 0 ? 'lt' : 'gt', value: new Num(String(sequence)) }],
    orderBy: { field: 'sequence_number', direction: by < 0 ? 'desc' : 'asc' },
  })
  return events[0]?.id
}
