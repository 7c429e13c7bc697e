import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import type { z } from 'zod'
import type { Source, SourceRefusal, SourceWithSecret } from '../../../../shared/contracts/api/source.ts'
import { get, post, remove, type List } from '../api.ts'
import { addressOf, wayOf } from '../connect.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Copy } from '../parts/copy.tsx'
import { Tree } from '../parts/json.tsx'
import { Pairs } from '../parts/pairs.tsx'
import { SecretShown } from '../parts/secret.tsx'
import { Shown } from '../parts/states.tsx'
import { At } from '../parts/time.tsx'
import { say, sayFailed } from '../parts/toasts.tsx'
import { fetchEvents } from '../queries.ts'
import { useMay } from '../session.tsx'
import { bytes, plural } from '../words.ts'

export default function SourceView({ name }: { name: string }) {
  const path = `/sources/${encodeURIComponent(name)}`
  const query = useQuery({ queryKey: ['source', name], queryFn: ({ signal }) => get<Source>(path, signal) })
  return (
    <section className="page">
      <Shown query={query}>{(source) => <Whole source={source} path={path} />}</Shown>
    </section>
  )
}

function Whole({ source, path }: { source: Source; path: string }) {
  const client = useQueryClient()
  const [, navigate] = useLocation()
  const mayWrite = useMay('write')
  const way = wayOf(source, location.origin)
  const address = addressOf(source, location.origin)
  return (
    <>
      <header className="page-head">
        <div className="titles">
          <p className="crumbs">
            <Link to="/sources">Sources</Link>
          </p>
          <h1>{source.name}</h1>
        </div>
        {mayWrite && (
          <Confirm
            label="Remove"
            title="Remove this source?"
            action="Remove it"
            onConfirm={async () => {
              await remove(path)
              await client.invalidateQueries({ queryKey: ['sources'] })
              say('Removed.')
              navigate('/sources')
            }}
          >
            What {source.name} posts is refused from then on. Its events stay in the log.
          </Confirm>
        )}
      </header>
      <Pairs
        rows={[
          [
            'Address',
            <span key="address" className="id">
              <code>{address}</code>
              <Copy text={address} label="Copy the address" bare />
            </span>,
          ],
          ['Adapter', source.adapter],
          ['Verified by', source.scheme ? `${source.scheme}, ${plural(source.secrets.length, 'secret')}` : 'API key alone'],
          ['Settings', Object.keys(source.settings).length > 0 && <Tree key="settings" data={source.settings} level={2} />],
        ]}
      />
      <section className="card">
        <h2>How to point it here</h2>
        <p>{way.how}</p>
        <div className="secret">
          <pre className="raw">{way.lines}</pre>
          <Copy text={way.lines} />
        </div>
        <p className="hint">Where ingest is reached by another address than this page, that one takes its place.</p>
      </section>
      {source.scheme && mayWrite && <Secrets source={source} path={path} />}
      <div className="side-by-side">
        <LastEvents name={source.name} />
        <Refusals path={path} name={source.name} />
      </div>
    </>
  )
}

type Made = z.infer<typeof SourceWithSecret>

function Secrets({ source, path }: { source: Source; path: string }) {
  const client = useQueryClient()
  const [shown, setShown] = useState<string>()
  const refresh = () => client.invalidateQueries({ queryKey: ['source', source.name] })
  const add = () =>
    post<Made>(`${path}/secrets`)
      .then(({ secret }) => setShown(secret ?? undefined), sayFailed)
      .then(refresh)
  const drop = (id: string) =>
    remove(`${path}/secrets/${encodeURIComponent(id)}`)
      .then(() => say('Requests signed with it are refused now.'), sayFailed)
      .then(refresh)
  return (
    <section className="card">
      <div className="row">
        <h2>Secrets</h2>
        <span className="hint">Any of them may have signed. To rotate: add one, give it to the catalog, remove the old one.</span>
        <span className="grow" />
        <Button icon="plus" onClick={() => void add()}>
          Add a secret
        </Button>
      </div>
      <ul className="subscriptions">
        {source.secrets.map(({ id }, i) => (
          <li key={id} className="row">
            <code>{id}</code> {i === 0 && <span className="faint">newest</span>} <span className="grow" />
            <Button onClick={() => void drop(id)}>Remove</Button>
          </li>
        ))}
      </ul>
      {shown && <SecretShown title="The new secret" text={shown} about="Give it to the catalog." onClose={() => setShown(undefined)} />}
    </section>
  )
}

function LastEvents({ name }: { name: string }) {
  const query = useQuery({
    queryKey: ['events of', name],
    queryFn: ({ signal }) => fetchEvents({ field: 'source', op: 'eq', value: name }, 15, signal),
    refetchInterval: 3_000,
  })
  return (
    <section className="card">
      <h2>Last events</h2>
      <Shown query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <p className="hint">None came yet.</p>
          ) : (
            <ul className="recent">
              {data.map((event) => (
                <li key={event.id}>
                  <Link to={`/events/${event.id}`}>
                    <span className="clip">{event.type}</span>
                    <span className="clip faint">{event.entity?.name ?? event.subject ?? ''}</span>
                    <span className="faint">{event.matched === null ? '' : `→ ${event.matched}`}</span>
                    <At at={event.received_at} />
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </section>
  )
}

function Refusals({ path, name }: { path: string; name: string }) {
  const query = useQuery({
    queryKey: ['refusals of', name],
    queryFn: ({ signal }) => get<List<z.infer<typeof SourceRefusal>>>(`${path}/refusals`, signal),
    refetchInterval: 5_000,
  })
  return (
    <section className="card">
      <h2>Refused requests</h2>
      <Shown query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <p className="hint">None of the last was refused.</p>
          ) : (
            <ul className="refusals">
              {data.slice(0, 30).map((one) => (
                <li key={one.id}>
                  <span className="code c4">{one.status}</span> <span className="break">{one.reason}</span>{' '}
                  <span className="faint">
                    {bytes(one.bytes)} · <At at={one.at} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </section>
  )
}
