import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import type { z } from 'zod'
import type { Webhook, WebhookWithSecret } from '../../../../shared/contracts/api/webhook.ts'
import { patch, post, remove } from '../api.ts'
import { Badge } from '../parts/badge.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Id } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Pairs } from '../parts/pairs.tsx'
import { SecretShown } from '../parts/secret.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { Shown } from '../parts/states.tsx'
import { Ago, At } from '../parts/time.tsx'
import { say, sayFailed } from '../parts/toasts.tsx'
import { useHealth, useSubscriptions, useWebhook } from '../queries.ts'
import { useMay } from '../session.tsx'
import { duration } from '../words.ts'
import { searchFor } from '../where.ts'
import { Recent } from './recent.tsx'
import { TestEvent } from './test-event.tsx'

export default function WebhookView({ id }: { id: string }) {
  const query = useWebhook(id)
  return (
    <section className="page">
      <Shown query={query}>{(webhook) => <Whole webhook={webhook} />}</Shown>
    </section>
  )
}

function Whole({ webhook }: { webhook: Webhook }) {
  const mayWrite = useMay('write')
  const health = useHealth()
  const failure = webhook.failure_details
  return (
    <>
      <header className="page-head">
        <div className="titles">
          <p className="crumbs">
            <Link to="/webhooks">Webhooks</Link> / <code>{webhook.id}</code>
          </p>
          <h1>
            <span className="break">{webhook.label ?? webhook.url}</span> <Badge state={webhook.status} />
          </h1>
        </div>
        {mayWrite && <Actions webhook={webhook} />}
      </header>
      {webhook.disabled_reason && <p className="explain failed break">Switched off by Tidings: {webhook.disabled_reason}</p>}
      {webhook.status === 'failing' && failure && (
        <p className="explain failed break">
          {failure.last_failed_reason} · <Ago at={failure.last_failed_at} />
        </p>
      )}
      <div className="two">
        <Pairs
          rows={[
            [
              'Address',
              <span key="url" className="mono break">
                {webhook.url}
              </span>,
            ],
            ['Format', webhook.format],
            ['Signed by', webhook.scheme],
            ['Retries', retryWords(webhook.retry)],
            ['Timeout', duration(webhook.timeout_ms)],
            ['Headers', Object.keys(webhook.headers).join(', ')],
            ['Limits', limits(webhook)],
          ]}
        />
        <Pairs
          rows={[
            ['Webhook', <Id key="id" id={webhook.id} />],
            ['Made', <At key="at" at={webhook.created_at} />],
            ['Last 24 hours', <Sparkline key="health" health={health.data} id={webhook.id} />],
            ['Secrets', <Secrets key="secrets" webhook={webhook} />],
          ]}
        />
      </div>
      {mayWrite && <TestEvent webhook={webhook} />}
      <Subscriptions id={webhook.id} />
      <section className="card">
        <h2>
          Its deliveries <Link to={searchFor(['webhook_id', 'in', webhook.id])}>all</Link> ·{' '}
          <Link to={searchFor(['status', 'in', 'failed'], ['webhook_id', 'in', webhook.id])}>failed</Link>
        </h2>
        <Recent webhookId={webhook.id} />
      </section>
    </>
  )
}

const retryWords = (retry: Webhook['retry']) =>
  retry.strategy === 'exponential'
    ? `${retry.attempts} attempts, ${duration(retry.base_seconds * 1_000)} doubling to ${duration(retry.max_seconds * 1_000)}`
    : retry.delays_seconds.length === 0
      ? 'one attempt only'
      : `after ${retry.delays_seconds.map((seconds) => duration(seconds * 1_000)).join(', ')}`

const limits = ({ batch_size, order, max_in_flight, rate_limit }: Webhook) =>
  [
    batch_size > 1 && `batches of ${batch_size}`,
    order && `in order by ${order}`,
    max_in_flight && `${max_in_flight} at once`,
    rate_limit && `${rate_limit} a second`,
  ]
    .filter(Boolean)
    .join(' · ')

const Secrets = ({ webhook }: { webhook: Webhook }) => (
  <ul>
    {webhook.secrets.map((secret) => (
      <li key={secret.created_at}>
        made <Ago at={secret.created_at} />
        {secret.expires_at && (
          <span className="faint">
            {' '}
            · signs until <At at={secret.expires_at} />
          </span>
        )}
      </li>
    ))}
  </ul>
)

function Actions({ webhook }: { webhook: Webhook }) {
  const client = useQueryClient()
  const [, navigate] = useLocation()
  const refresh = () =>
    Promise.all([client.invalidateQueries({ queryKey: ['webhook', webhook.id] }), client.invalidateQueries({ queryKey: ['webhooks'] })])
  const setActive = (active: boolean) =>
    patch(`/webhooks/${webhook.id}`, { active })
      .then(
        () => say(active ? 'It gets events again.' : 'Paused: it gets nothing, and what is open for it is cancelled when its time comes.'),
        sayFailed,
      )
      .then(refresh)
  return (
    <div className="row">
      <Link to={`/webhooks/${webhook.id}/edit`} className="button plain">
        Edit
      </Link>
      <Button icon={webhook.active ? 'pause' : 'play'} onClick={() => void setActive(!webhook.active)}>
        {webhook.active ? 'Pause' : 'Resume'}
      </Button>
      <Rotate id={webhook.id} onDone={refresh} />
      <Confirm
        label="Remove"
        title="Remove this webhook?"
        action="Remove it"
        onConfirm={async () => {
          await remove(`/webhooks/${webhook.id}`)
          await client.invalidateQueries({ queryKey: ['webhooks'] })
          say('Removed.')
          navigate('/webhooks')
        }}
      >
        {webhook.label ?? webhook.url} gets nothing any more, and its open deliveries are cancelled. The log keeps what was.
      </Confirm>
    </div>
  )
}

const overlaps: [number, string][] = [
  [86_400, '24 hours'],
  [3_600, '1 hour'],
  [604_800, '7 days'],
  [0, 'not at all'],
]

function Rotate({ id, onDone }: { id: string; onDone(): Promise<unknown> }) {
  const [step, setStep] = useState<'asking' | { secret: string }>()
  const [overlap, setOverlap] = useState(86_400)
  const rotate = () =>
    post<z.infer<typeof WebhookWithSecret>>(`/webhooks/${id}/rotate-secret`, { overlap_seconds: overlap })
      .then(({ secret }) => setStep({ secret }), sayFailed)
      .then(onDone)
  return (
    <>
      <Button icon="key" onClick={() => setStep('asking')}>
        Rotate secret
      </Button>
      {step === 'asking' && (
        <Dialog title="Rotate the secret" onClose={() => setStep(undefined)}>
          <p>A new secret is made and signs at once. Until the receiver knows it, the old one can go on signing beside it.</p>
          <label className="line">
            <span>The old one signs for another</span>
            <select value={overlap} onChange={({ target }) => setOverlap(Number(target.value))}>
              {overlaps.map(([seconds, name]) => (
                <option key={seconds} value={seconds}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <div className="row end">
            <Button onClick={() => setStep(undefined)}>Cancel</Button>
            <Button kind="primary" onClick={() => void rotate()}>
              Make a new secret
            </Button>
          </div>
        </Dialog>
      )}
      {typeof step === 'object' && (
        <SecretShown
          title="The new secret"
          text={step.secret}
          about="Put it where the receiver verifies signatures."
          onClose={() => setStep(undefined)}
        />
      )}
    </>
  )
}

function Subscriptions({ id }: { id: string }) {
  const query = useSubscriptions(id)
  const mayWrite = useMay('write')
  return (
    <section className="card">
      <h2>Subscriptions</h2>
      <Shown query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <p className="explain retrying">
              It subscribes to nothing, so nothing is sent to it. {mayWrite && <Link to={`/webhooks/${id}/edit`}>Choose events</Link>}
            </p>
          ) : (
            <ul className="subscriptions">
              {data.map((subscription) => (
                <li key={subscription.id}>
                  <code>{subscription.event_type}</code> <span className="faint break">{filterWords(subscription.filters)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </section>
  )
}

const filterWords = (filters: object) =>
  Object.entries(filters)
    .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${Array.isArray(value) ? value.join(' or ') : JSON.stringify(value)}`)
    .join(' · ')
