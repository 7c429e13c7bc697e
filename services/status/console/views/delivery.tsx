import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import type { Attempt } from '../../../../shared/contracts/api/delivery.ts'
import { post } from '../api.ts'
import { Badge } from '../parts/badge.tsx'
import { Button } from '../parts/button.tsx'
import { Id } from '../parts/copy.tsx'
import { Pairs } from '../parts/pairs.tsx'
import { Shown } from '../parts/states.tsx'
import { Ago, At, useNow } from '../parts/time.tsx'
import { say, sayFailed } from '../parts/toasts.tsx'
import { isOpen, useDelivery, type DeliveryDetail } from '../queries.ts'
import { duration, plural } from '../words.ts'
import { searchFor } from '../where.ts'
import { AttemptView } from './attempt.tsx'

export default function DeliveryView({ id }: { id: string }) {
  const query = useDelivery(id, 5_000)
  return (
    <section className="page">
      <Shown query={query}>{(delivery) => <Delivery delivery={delivery} />}</Shown>
    </section>
  )
}

function Delivery({ delivery }: { delivery: DeliveryDetail }) {
  const [chosen, setChosen] = useState<string>()
  const attempts = delivery.attempt_log
  const shown = attempts.find(({ id }) => id === chosen) ?? attempts.at(-1)
  return (
    <>
      <header className="page-head">
        <div className="titles">
          <p className="crumbs">
            <Link to="/deliveries">Deliveries</Link> / <code>{delivery.id}</code>
          </p>
          <h1>
            <span className="break">{delivery.event_type}</span> <Badge state={delivery.status} />
          </h1>
        </div>
        <Redeliver delivery={delivery} />
      </header>
      <Explanation delivery={delivery} />
      <div className="two">
        <Pairs
          rows={[
            [
              'Event',
              <Link key="event" to={`/events/${delivery.event_id}`}>
                <code>{delivery.event_id}</code>
              </Link>,
            ],
            ['Entity', delivery.entity_name ?? delivery.entity_id ?? delivery.subject],
            ['Source', delivery.source],
            ['Because of', delivery.cause && <Cause key="cause" cause={delivery.cause} />],
            [
              'Webhook',
              <Link key="webhook" to={`/webhooks/${delivery.webhook_id}`}>
                {delivery.webhook_label ?? delivery.webhook_url}
              </Link>,
            ],
            [
              'Address',
              <span key="url" className="break mono">
                {delivery.webhook_url}
              </span>,
            ],
          ]}
        />
        <Pairs
          rows={[
            ['Delivery', <Id key="id" id={delivery.id} />],
            ['Accepted', <At key="accepted" at={delivery.accepted_at} />],
            [
              'Delivered',
              delivery.delivered_at && (
                <span key="delivered">
                  <At at={delivery.delivered_at} />{' '}
                  <span className="faint">after {duration(Date.parse(delivery.delivered_at) - Date.parse(delivery.accepted_at))}</span>
                </span>
              ),
            ],
            ['Sent with', delivery.batch_id && 'others, in one request'],
            ['Sent again', delivery.generation > 0 ? plural(delivery.generation, 'time') : null],
            [
              'See also',
              <Link key="more" to={searchFor(['event_id', 'eq', delivery.event_id])}>
                all deliveries of the event
              </Link>,
            ],
          ]}
        />
      </div>
      <div className="attempts">
        <Timeline delivery={delivery} shown={shown?.id} onChoose={setChosen} />
        {shown ? <AttemptView key={shown.id} attempt={shown} delivery={delivery} /> : <p className="hint">No request was made yet.</p>}
      </div>
    </>
  )
}

const causes = {
  trigger: 'it triggers this one',
  fallback: 'it failed, and this one follows',
  recipient: 'it tells people, one of whom has this one',
}
const Cause = ({ cause }: { cause: NonNullable<DeliveryDetail['cause']> }) => (
  <>
    <Link to={`/webhooks/${cause.webhook_id}`}>another webhook</Link>: {causes[cause.kind]}
  </>
)

/** What stands behind the state, in a sentence. */
function Explanation({ delivery }: { delivery: DeliveryDetail }) {
  const last = delivery.attempt_log.at(-1)
  const why = delivery.reason ?? (delivery.status === 'retrying' ? last?.decision : undefined)
  const error = delivery.status === 'succeeded' ? undefined : (delivery.last_error ?? undefined)
  if (!why && !error) return null
  return (
    <div className={`explain ${delivery.status}`} role="note">
      {error && <p className="break">{error}</p>}
      {why && why !== error && <p className="break">{why}</p>}
    </div>
  )
}

function Redeliver({ delivery }: { delivery: DeliveryDetail }) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const redeliver = async () => {
    setBusy(true)
    await post(`/webhook-deliveries/${delivery.id}/redeliver`).then(() => say('It is sent again.'), sayFailed)
    await client.invalidateQueries({ queryKey: ['delivery', delivery.id] })
    setBusy(false)
  }
  const open = isOpen(delivery) && !delivery.held
  return (
    <Button
      kind="primary"
      icon="again"
      busy={busy}
      disabled={open}
      title={open ? 'It is still under way' : undefined}
      onClick={() => void redeliver()}
    >
      Redeliver
    </Button>
  )
}

type TimelineProps = { delivery: DeliveryDetail; shown: string | undefined; onChoose(id: string): void }

function Timeline({ delivery, shown, onChoose }: TimelineProps) {
  const attempts = delivery.attempt_log
  return (
    <ol className="timeline" aria-label="Attempts">
      <li className="step done">
        <span className="step-name">Accepted</span>
        <At at={delivery.accepted_at} />
      </li>
      {attempts.map((attempt, i) => (
        <li key={attempt.id} className={`step ${attempt.outcome ?? 'running'}`}>
          {attempt.generation > (attempts[i - 1]?.generation ?? 0) && <p className="step-again">sent again</p>}
          <button type="button" aria-current={attempt.id === shown ? 'step' : undefined} onClick={() => onChoose(attempt.id)}>
            <span className="step-name">
              {attempt.number}. <Badge state={attempt.outcome ?? 'running'}>{outcomeOf(attempt)}</Badge>
            </span>
            <At at={attempt.started_at} />
            <span className="faint">{attempt.timings ? duration(attempt.timings.end_ms) : ''}</span>
          </button>
        </li>
      ))}
      <Planned delivery={delivery} />
    </ol>
  )
}

const outcomeOf = ({ outcome, response }: Attempt) =>
  outcome === null
    ? 'under way'
    : response
      ? `${response.status_code}${outcome === 'rejected' || outcome === 'succeeded' ? '' : ` ${outcome.replaceAll('_', ' ')}`}`
      : outcome.replaceAll('_', ' ')

function Planned({ delivery }: { delivery: DeliveryDetail }) {
  const now = useNow()
  if (!isOpen(delivery)) return <li className={`step end ${delivery.status}`}>{delivery.status}</li>
  const { next_attempt_at: next, held } = delivery
  const due = next === null || Date.parse(next) <= now
  return (
    <li className="step planned">
      <span className="step-name">{held ? 'Next: held until its webhook has room' : due ? 'Next: as soon as there is room' : 'Next'}</span>
      {next && !due && (
        <>
          <At at={next} />{' '}
          <span className="faint">
            <Ago at={next} />
          </span>
        </>
      )}
    </li>
  )
}
