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
  Webhooks: lazy(() => import('./views/webhooks.tsx')),
  WebhookView: lazy(() => import('./views/webhook.tsx')),
  WebhookForm: lazy(() => import('./views/webhook-form.tsx')),
  Sources: lazy(() => import('./views/sources.tsx')),
  SourceView: lazy(() => import('./views/source.tsx')),
  EventTypes: lazy(() => import('./views/event-types.tsx')),
  Keys: lazy(() => import('./views/keys.tsx')),
  Audit: lazy(() => import('./views/audit.tsx')),
}

type Place = { path: string; name: string; icon: IconName; scope?: 'admin' }
const places: Place[] = [
  { path: '/', name: 'Overview', icon: 'pulse' },
  { path: '/deliveries', name: 'Deliveries', icon: 'list' },
  { path: '/webhooks', name: 'Webhooks', icon: 'hook' },
  { path: '/sources', name: 'Sources', icon: 'source' },
  { path: '/event-types', name: 'Event types', icon: 'tag' },
  { path: '/keys', name: 'Keys', icon: 'key', scope: 'admin' },
  { path: '/audit', name: 'Audit', icon: 'audit', scope: 'admin' },
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
    <Route path="/webhooks" component={views.Webhooks} />
    <Route path="/webhooks/new">
      <views.WebhookForm />
    </Route>
    <Route path="/webhooks/:id">{({ id }) => <views.WebhookView key={id} id={id} />}</Route>
    <Route path="/webhooks/:id/edit">{({ id }) => <views.WebhookForm key={id} id={id} />}</Route>
    <Route path="/sources" component={views.Sources} />
    <Route path="/sources/:name">{({ name }) => <views.SourceView key={name} name={decodeURIComponent(name)} />}</Route>
    <Route path="/event-types" component={views.EventTypes} />
    <Route path="/keys" component={views.Keys} />
    <Route path="/audit" component={views.Audit} />
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
  const { may } = useSession()
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
        {places
          .filter(({ scope }) => !scope || may(scope))
          .map((place) => (
            <NavLink key={place.path} place={place} current={isAt(place.path, path)} />
          ))}
        {may('admin') && (
          <Outside href="/queues" icon="queue">
            Queues
          </Outside>
        )}
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
  const { signOut, who } = useSession()
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
      <span className="clip" title={`${who.organization}: ${who.key.scopes.join(', ')}`}>
        {who.key.label}
      </span>
      <button type="button" className="link" onClick={() => void signOut()}>
        Sign out
      </button>
    </div>
  )
}
