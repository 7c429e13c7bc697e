import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react'
import { Link, Redirect, Route, Switch, useLocation } from 'wouter'
import { ErrorBoundary } from './parts/error-boundary.tsx'
import { Icon, type IconName } from './parts/icon.tsx'
import { Loading, NothingHere } from './parts/states.tsx'
import { Toasts } from './parts/toasts.tsx'
import { useSession } from './session.tsx'
import { keepTheme, storedTheme, themes } from './theme.ts'
import { useShortcuts } from './shortcuts.tsx'

const views = {
  Overview: lazy(() => import('./views/overview.tsx')),
  Deliveries: lazy(() => import('./views/deliveries.tsx')),
  DeliveryView: lazy(() => import('./views/delivery.tsx')),
  EventView: lazy(() => import('./views/event.tsx')),
}

type Place = { path: string; name: string; icon: IconName }
const places: Place[] = [
  { path: '/', name: 'Overview', icon: 'pulse' },
  { path: '/deliveries', name: 'Deliveries', icon: 'list' },
]

export function App() {
  const [path] = useLocation()
  const help = useShortcuts()
  useEffect(() => {
    const place = places.findLast((one) => path === one.path || (one.path !== '/' && path.startsWith(one.path)))
    document.title = place ? `${place.name} · Tidings` : 'Tidings'
  }, [path])
  return (
    <div className="app">
      <a className="skip" href="#main">
        To the content
      </a>
      <Navigation path={path} />
      <main id="main" tabIndex={-1}>
        <ErrorBoundary key={path}>
          <Suspense fallback={<Loading />}>
            <Views />
          </Suspense>
        </ErrorBoundary>
      </main>
      {help}
      <Toasts />
    </div>
  )
}

const Views = () => (
  <Switch>
    <Route path="/" component={views.Overview} />
    <Route path="/deliveries" component={views.Deliveries} />
    <Route path="/deliveries/:id">{({ id }) => <views.DeliveryView key={id} id={id} />}</Route>
    <Route path="/events/:id">{({ id }) => <views.EventView key={id} id={id} />}</Route>
    <Route path="/index.html">
      <Redirect to="/" replace />
    </Route>
    <Route>
      <NothingHere title="There is no such page" text="The address may be mistyped, or of another version." />
    </Route>
  </Switch>
)

function Navigation({ path }: { path: string }) {
  const [open, setOpen] = useState(false)
  useEffect(() => setOpen(false), [path])
  return (
    <header className={open ? 'nav open' : 'nav'}>
      <div className="nav-top">
        <Link to="/" className="brand">
          <img src={new URL('./icon.svg', import.meta.url).href} alt="" width="22" height="22" /> Tidings
        </Link>
        <button type="button" className="nav-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="menu" />
          <span className="sr">Menu</span>
        </button>
      </div>
      <nav aria-label="Main">
        {places.map((place) => (
          <NavLink key={place.path} place={place} current={isAt(place.path, path)} />
        ))}
        <Outside href="/queues" icon="queue">
          Queues
        </Outside>
        <Outside href="/docs" icon="book">
          API reference
        </Outside>
      </nav>
      <Footer />
    </header>
  )
}

const isAt = (place: string, path: string) => (place === '/' ? path === '/' : path === place || path.startsWith(`${place}/`))

const NavLink = ({ place, current }: { place: Place; current: boolean }) => (
  <Link to={place.path} className="nav-link" aria-current={current ? 'page' : undefined}>
    <Icon name={place.icon} /> {place.name}
  </Link>
)

const Outside = ({ href, icon, children }: { href: string; icon: IconName; children: ReactNode }) => (
  <a className="nav-link" href={href} target="_blank" rel="noopener noreferrer">
    <Icon name={icon} /> {children} <Icon name="out" className="faint" />
  </a>
)

function Footer() {
  const { signOut } = useSession()
  const [theme, setTheme] = useState(storedTheme)
  return (
    <div className="nav-foot">
      <label className="theme">
        <span className="sr">Colours</span>
        <select
          value={theme}
          onChange={(event) => {
            const chosen = themes.find((one) => one === event.target.value) ?? 'system'
            setTheme(chosen)
            keepTheme(chosen)
          }}
        >
          <option value="system">As the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      <button type="button" className="link" onClick={() => void signOut()}>
        Sign out
      </button>
    </div>
  )
}
