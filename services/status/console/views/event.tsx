import { useMemo } from 'react'
import { Link } from 'wouter'
import type { Event } from '../../../../shared/contracts/api/event.ts'
import { Badge } from '../parts/badge.tsx'
import { Diff } from '../parts/diff.tsx'
import { Id } from '../parts/copy.tsx'
import { Body, Tree } from '../parts/json.tsx'
import { Headers, Pairs } from '../parts/pairs.tsx'
import { Shown } from '../parts/states.tsx'
import { At } from '../parts/time.tsx'
import { useEvent } from '../queries.ts'
import { bytes, plural } from '../words.ts'

export default function EventView({ id }: { id: string }) {
  const query = useEvent(id)
  return (
    <section className="page">
      <Shown query={query}>{(event) => <Whole event={event} />}</Shown>
    </section>
  )
}

function Whole({ event }: { event: Event }) {
  const { entity, change, cloudevent } = event
  return (
    <>
      <header className="page-head">
        <div className="titles">
          <p className="crumbs">
            Events / <code>{event.id}</code>
          </p>
          <h1 className="break">{event.type}</h1>
        </div>
      </header>
      <div className="two">
        <Pairs
          rows={[
            ['Source', event.source],
            ['Its own id', event.source_event_id],
            ['Subject', event.subject],
            ['Actor', event.actor],
            ['Entity', entity && <Entity key="entity" entity={entity} />],
          ]}
        />
        <Pairs
          rows={[
            ['Event', <Id key="id" id={event.id} />],
            ['Happened', event.time],
            ['Accepted', <At key="received" at={event.received_at} />],
            ['Went to', event.matched === null ? 'being looked at' : plural(event.matched, 'webhook')],
            ['CloudEvents', cloudevent && <Tree key="cloudevent" data={cloudevent} level={1} />],
          ]}
        />
      </div>
      {change && (
        <section className="card">
          <h2>Change</h2>
          <Diff change={change} />
        </section>
      )}
      <section className="card">
        <h2>Webhooks</h2>
        <Matches event={event} />
      </section>
      <div className="side-by-side">
        <section className="card">
          <h2>Data</h2>
          <Body text={event.data === null || event.data === undefined ? null : JSON.stringify(event.data, null, 2)} />
        </section>
        <RawEvent event={event} />
      </div>
    </>
  )
}

const Entity = ({ entity }: { entity: NonNullable<Event['entity']> }) => (
  <div className="break">
    <strong>{entity.type}</strong> {entity.name ?? entity.id}
    <p className="faint">
      {[
        entity.domain && `domain ${entity.domain}`,
        entity.owners?.length && `owners ${entity.owners.join(', ')}`,
        entity.tags?.length && `tags ${entity.tags.join(', ')}`,
      ]
        .filter(Boolean)
        .join(' · ')}
    </p>
    {entity.url && /^https?:/.test(entity.url) && (
      <a href={entity.url} rel="noopener noreferrer" target="_blank">
        {entity.url}
      </a>
    )}
  </div>
)

function Matches({ event }: { event: Event }) {
  const byWebhook = new Map(event.deliveries.data.map((delivery) => [delivery.id, delivery]))
  const direct = event.deliveries.data.filter(({ id }) => !event.matches.some((match) => match.delivery_id === id))
  if (event.matches.length === 0 && direct.length === 0) return <p className="hint">There was no subscription when it was accepted.</p>
  return (
    <ul className="matches">
      {direct.map((delivery) => (
        <li key={delivery.id} className="match yes">
          <Link to={`/webhooks/${delivery.webhook_id}`}>{delivery.webhook_label ?? delivery.webhook_url}</Link>
          <span>{event.to ? 'sent to it directly' : 'no subscription asked for it, another webhook did'}</span>
          <Link to={`/deliveries/${delivery.id}`}>
            <Badge state={delivery.status} />
          </Link>
        </li>
      ))}
      {event.matches.map(({ subscription, webhook, matched, clause, reason, delivery_id }) => (
        <li key={subscription.id} className={matched ? 'match yes' : 'match no'}>
          <span>
            <Link to={`/webhooks/${webhook.id}`}>{webhook.label ?? webhook.url}</Link> <code>{subscription.event_type}</code>
          </span>
          <span className="break">
            {clause && <code>{clause}</code>} {reason}
          </span>
          {delivery_id ? (
            <Link to={`/deliveries/${delivery_id}`}>
              <Badge state={byWebhook.get(delivery_id)?.status ?? 'delivery'} />
            </Link>
          ) : (
            <span className="faint">{matched ? 'matched' : 'not matched'}</span>
          )}
        </li>
      ))}
    </ul>
  )
}

function RawEvent({ event }: { event: Event }) {
  const raw = useMemo(() => Uint8Array.from(atob(event.raw), (char) => char.charCodeAt(0)), [event.raw])
  const text = useMemo(() => new TextDecoder().decode(raw), [raw])
  return (
    <section className="card">
      <h2>
        As received <span className="faint">{bytes(raw.length)}</span>
      </h2>
      <Headers headers={event.headers} />
      <Body text={text} />
      <a className="link" href={`data:application/octet-stream;base64,${event.raw}`} download={`${event.id}.bin`}>
        Save the bytes
      </a>
    </section>
  )
}
