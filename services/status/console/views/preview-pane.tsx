import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Preview } from '../../../../shared/contracts/api/preview.ts'
import { post } from '../api.ts'
import { subscriptionsOf, type Draft } from '../draft.ts'
import { Body } from '../parts/json.tsx'
import { Headers } from '../parts/pairs.tsx'
import { Loading, Reasons } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, number } from '../words.ts'

const settleMs = 400
const days = [1, 7, 30]

/** While it is written: what would have come, and what it would have looked like. */
export function PreviewPane({ draft, webhookId }: { draft: Draft; webhookId: string | undefined }) {
  const [back, setBack] = useState(7)
  const [eventId, setEventId] = useState<string>()
  const input = useSettled({
    url: draft.url,
    label: draft.label || null,
    ...(draft.format && { format: draft.format }),
    ...(webhookId && { webhook_id: webhookId }),
    format_settings: draft.settings,
    subscriptions: subscriptionsOf(draft),
    days: back,
    ...(eventId && { event_id: eventId }),
  })
  const query = useQuery({
    queryKey: ['preview', input],
    queryFn: ({ signal }) => post<Preview>('/webhooks/preview', JSON.parse(input), signal),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 0,
  })
  return (
    <aside className="card preview" aria-label="Preview">
      <div className="row">
        <h2>Preview</h2>
        <span className="grow" />
        <select aria-label="How far to look back" value={back} onChange={({ target }) => setBack(Number(target.value))}>
          {days.map((one) => (
            <option key={one} value={one}>
              last {one === 1 ? 'day' : `${one} days`}
            </option>
          ))}
        </select>
      </div>
      {query.error && (
        <div className="explain retrying">
          <p>{query.error.message}</p>
          <Reasons error={query.error} />
        </div>
      )}
      {!query.data && !query.error && <Loading />}
      {query.data && <Shown preview={query.data} chosen={eventId} onChoose={setEventId} />}
    </aside>
  )
}

function Shown({
  preview: { matching, payload, problem },
  chosen,
  onChoose,
}: {
  preview: Preview
  chosen: string | undefined
  onChoose(id: string): void
}) {
  return (
    <>
      <p>
        <strong className="big">{number(matching.matched)}</strong> of {matching.all ? '' : 'the newest '}
        {number(matching.looked_at)} accepted events would have matched{matching.all ? '' : ', which go back '}
        {!matching.all && <Ago at={matching.since} />}.
      </p>
      <ul className="recent">
        {matching.events.slice(0, 5).map((event) => (
          <li key={event.id}>
            <button type="button" aria-pressed={event.id === (chosen ?? payload?.event_id)} onClick={() => onChoose(event.id)}>
              <span className="clip">{event.type}</span>
              <span className="clip faint">{event.entity?.name ?? event.subject ?? ''}</span>
              <Ago at={event.received_at} />
            </button>
          </li>
        ))}
      </ul>
      {problem && <p className="explain failed break">{problem}</p>}
      {payload && (
        <>
          <h3>
            {payload.event_id ? 'What would be sent' : 'What would be sent for a made-up event'} · {payload.format} · {bytes(payload.bytes)}
          </h3>
          <Headers headers={{ 'content-type': payload.content_type, ...payload.headers }} />
          <Body key={payload.format} text={payload.body} />
        </>
      )}
    </>
  )
}

/** The value as JSON, once nobody has typed for a moment. */
function useSettled(value: unknown): string {
  const text = JSON.stringify(value)
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), settleMs)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
