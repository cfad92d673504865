import { may, session, signOut } from './api/session.ts'
import { InstanceSwitch } from './explorer/InstanceSwitch.tsx'
import { pages } from './pages/pages.ts'
import { params, path, segments } from './route.ts'
import { theme, themes } from './theme.ts'
import { Link } from './ui/Link.tsx'

/** The line above everything: where one is, where else one can go, who one is. */
export function Header() {
  const here = segments(path.value)?.[0] ?? ''
  const instance = params.value.get('instance')
  const keep = instance ? `?instance=${encodeURIComponent(instance)}` : ''
  return (
    <header class="header">
      <Link href={`/${keep}`} class="brand" title="Firn: all events">
        <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
          <g fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round">
            <path d="M16 4v24M5.6 10l20.8 12M26.4 10L5.6 22" />
            <path d="M12.5 6.5L16 10l3.5-3.5M12.5 25.5L16 22l3.5 3.5" stroke-width="2" />
          </g>
        </svg>
        Firn
      </Link>
      <InstanceSwitch />
      <nav aria-label="Pages">
        <Link href={`/${keep}`} current={here === ''}>
          Events
        </Link>
        {pages
          .filter((p) => p.shown(may))
          .map((p) => (
            <Link key={p.path} href={`/${p.path}${keep}`} current={here === p.path}>
              {p.title}
            </Link>
          ))}
      </nav>
      <Who />
      <label class="theme">
        <span class="sr">Colours</span>
        <select value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as (typeof themes)[number])}>
          {themes.map((t) => (
            <option key={t} value={t}>
              {t}
            </option>
          ))}
        </select>
      </label>
    </header>
  )
}

function Who() {
  const s = session.value
  if (!s || s.open) return null
  return (
    <span class="who">
      {s.name}
      <button type="button" class="quiet" onClick={() => void signOut()}>
        Sign out
      </button>
    </span>
  )
}
