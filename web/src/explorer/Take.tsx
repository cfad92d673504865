import { session } from '../api/session.ts'
import { copy } from '../ui/Copy.tsx'
import { Menu } from '../ui/Menu.tsx'
import { curlCommand, dsl, exportPath, firnCommand } from './commands.ts'
import { instanceName } from './InstanceSwitch.tsx'
import { filter, since, until } from './scope.ts'

/** Takes what is shown elsewhere: as a file, or as a command that asks for it. */
export function Take() {
  const instance = instanceName.value
  if (instance === undefined) return null
  const shown = { instance, where: filter.value.where, since: since.value, until: until.value }
  return (
    <Menu label="Export" title="Files and commands">
      {(['ndjson', 'csv', 'parquet'] as const).map((format) => (
        <a key={format} class="item" href={exportPath(shown, format)} download={`${instance}.${format}`}>
          Export as {format === 'parquet' ? 'Parquet' : format.toUpperCase()}
        </a>
      ))}
      <hr />
      <button type="button" class="quiet" onClick={() => void copy(curlCommand(shown, location.origin, !(session.value?.open ?? true)), 'a curl command')}>
        Copy as curl
      </button>
      <button type="button" class="quiet" onClick={() => void copy(firnCommand(shown, location.origin), 'a firn command')}>
        Copy as firn query
      </button>
      <button type="button" class="quiet" onClick={() => void copy(dsl(shown), 'the query')}>
        Copy the query (JSON)
      </button>
    </Menu>
  )
}
