import { computed } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { signInNeeded } from './api/http.ts'
import { loadInstances } from './api/instances.ts'
import { loadSession } from './api/session.ts'
import { EventPage } from './detail/EventPage.tsx'
import { Explorer } from './explorer/Explorer.tsx'
import { Header } from './Header.tsx'
import { pages } from './pages/pages.ts'
import { path, segments } from './route.ts'
import { SignIn } from './SignIn.tsx'
import { Announcer } from './ui/announce.tsx'
import { Boundary } from './ui/Boundary.tsx'
import { lazy } from './ui/Lazy.tsx'
import { Empty, Fault } from './ui/State.tsx'
import { Link } from './ui/Link.tsx'
import { signal } from '@preact/signals'

const place = computed(() => segments(path.value))
const startFault = signal<unknown>(undefined)
const lazyPages = new Map(pages.map((p) => [p.path, lazy(p.load)]))

async function start(abort?: AbortSignal): Promise<void> {
  startFault.value = undefined
  try {
    await Promise.all([loadSession(abort), loadInstances(abort)])
  } catch (fault) {
    if (!abort?.aborted && !signInNeeded.value) startFault.value = fault
  }
}

/** The whole page: its header, and what the path says beneath it. */
export function App() {
  const needed = signInNeeded.value
  useEffect(() => {
    if (needed) return
    const abort = new AbortController()
    void start(abort.signal)
    return () => abort.abort()
  }, [needed])
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {needed ? <SignIn /> : <Content />}
      </main>
      <Announcer />
    </>
  )
}

function Content() {
  const [first = '', ...rest] = place.value ?? ['?']
  if (startFault.value) return <Fault of={startFault.value} retry={() => void start()} />
  if (first === '') return <Boundary of="the explorer"><Explorer /></Boundary>
  if (first === 'e' && rest.length === 2 && rest[0] && rest[1]) {
    return <Boundary of="this event" key={path.value}><EventPage instance={rest[0]} id={rest[1]} /></Boundary>
  }
  const Page = lazyPages.get(first)
  if (Page) return <Boundary of="this page" key={first}><Page rest={rest} /></Boundary>
  return (
    <Empty title="There is nothing at this address">
      <p>
        <Link href="/">To the events</Link>
      </p>
    </Empty>
  )
}
