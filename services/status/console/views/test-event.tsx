import { useState } from 'react'
import { Link } from 'wouter'
import type { Webhook } from '../../../../shared/contracts/api/webhook.ts'
import { post } from '../api.ts'
import { Badge } from '../parts/badge.tsx'
import { Button } from '../parts/button.tsx'
import { Body } from '../parts/json.tsx'
import { sayFailed } from '../parts/toasts.tsx'
import { useDelivery } from '../queries.ts'
import { duration } from '../words.ts'

/** A test event, and what the receiver says to it. */
export function TestEvent({ webhook }: { webhook: Webhook }) {
  const [deliveryId, setDeliveryId] = useState<string>()
  const [busy, setBusy] = useState(false)
  const send = async () => {
    setBusy(true)
    await post<{ delivery_id: string }>(`/webhooks/${webhook.id}/test`).then((sent) => setDeliveryId(sent.delivery_id), sayFailed)
    setBusy(false)
  }
  return (
    <section className="card">
      <div className="row">
        <h2>Test</h2>
        <span className="hint">An event of the type webhook.test goes to this webhook alone, signed and logged like any other.</span>
        <span className="grow" />
        <Button
          icon="play"
          busy={busy}
          disabled={!webhook.active}
          title={webhook.active ? undefined : 'It is paused'}
          onClick={() => void send()}
        >
          Send a test event
        </Button>
      </div>
      {deliveryId && <Answer key={deliveryId} id={deliveryId} />}
    </section>
  )
}

function Answer({ id }: { id: string }) {
  const { data } = useDelivery(id, 1_000)
  const attempt = data?.attempt_log.at(-1)
  if (!data || !attempt || attempt.outcome === null) return <p role="status">Waiting for the answer …</p>
  return (
    <div className="answer-shown" role="status">
      <p>
        <Badge state={attempt.outcome} /> {attempt.response ? `HTTP ${attempt.response.status_code}` : attempt.error}{' '}
        <span className="faint">{attempt.timings && duration(attempt.timings.end_ms)}</span>{' '}
        <Link to={`/deliveries/${id}`}>request and response</Link>
      </p>
      {attempt.response?.body && <Body text={attempt.response.body} />}
      {data.status === 'retrying' && <p className="hint">{attempt.decision}</p>}
    </div>
  )
}
