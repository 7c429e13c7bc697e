import type { Attempt } from '../../../../shared/contracts/api/delivery.ts'
import { curlOf } from '../curl.ts'
import { Copy } from '../parts/copy.tsx'
import { Body } from '../parts/json.tsx'
import { Headers, Pairs } from '../parts/pairs.tsx'
import type { DeliveryDetail } from '../queries.ts'
import { Signature } from './signature.tsx'
import { bytes, duration } from '../words.ts'

type Props = { attempt: Attempt; delivery: DeliveryDetail }

export function AttemptView({ attempt, delivery }: Props) {
  const curl = curlOf(attempt)
  return (
    <article className="attempt">
      <header className="row">
        <h2>Attempt {attempt.number}</h2>
        <span className="grow" />
        {curl && <Copy text={curl} label="Copy as curl" />}
      </header>
      {attempt.error && <p className="explain failed break">{attempt.error}</p>}
      {attempt.decision && <p className="decision">{attempt.decision}</p>}
      <Timings attempt={attempt} />
      {attempt.request && <Signature attempt={attempt} delivery={delivery} />}
      <div className="side-by-side">
        <Request attempt={attempt} />
        <Response attempt={attempt} />
      </div>
    </article>
  )
}

function Timings({ attempt: { timings } }: { attempt: Attempt }) {
  if (!timings) return null
  const { headers_ms: first, end_ms: end } = timings
  const wait = first ?? end
  return (
    <div className="timing">
      <svg
        viewBox="0 0 100 6"
        preserveAspectRatio="none"
        role="img"
        aria-label={`until the first byte ${duration(wait)}, in all ${duration(end)}`}
      >
        <rect className="timing-wait" x="0" y="0" height="6" width={end > 0 ? (100 * wait) / end : 100} />
        <rect
          className="timing-read"
          x={end > 0 ? (100 * wait) / end : 100}
          y="0"
          height="6"
          width={end > 0 ? (100 * (end - wait)) / end : 0}
        />
      </svg>
      <p>
        <span className="key wait" /> {first === null ? 'without an answer' : 'connect, send, first byte'} {duration(wait)}
        {first !== null && (
          <>
            <span className="key read" /> the answer {duration(end - first)}
          </>
        )}
        <span className="grow" />
        <strong>{duration(end)}</strong>
      </p>
    </div>
  )
}

const decoded = ({ body, body_encoding }: NonNullable<Attempt['request']>) =>
  body_encoding === 'base64' && body !== null ? `base64, as it is no text:\n${body}` : body

function Request({ attempt: { request } }: { attempt: Attempt }) {
  return (
    <section className="pane">
      <h3>Request</h3>
      {request ? (
        <>
          <p className="mono break line-one">POST {request.url}</p>
          <Headers headers={request.headers} />
          <Pairs
            rows={[
              ['Format', request.format],
              ['Length', bytes(request.bytes)],
              [
                'SHA-256',
                <code key="hash" className="break">
                  {request.body_sha256}
                </code>,
              ],
            ]}
          />
          <Body text={decoded(request)} note={request.body_note} />
        </>
      ) : (
        <p className="hint">It did not come to an end, so that what was sent is not known for certain.</p>
      )}
    </section>
  )
}

function Response({ attempt: { response, error } }: { attempt: Attempt }) {
  return (
    <section className="pane">
      <h3>Response</h3>
      {response ? (
        <>
          <p className="mono line-one">HTTP {response.status_code}</p>
          <Headers headers={response.headers} />
          <Body text={response.body} note={response.truncated ? 'Only the beginning is kept.' : null} />
        </>
      ) : (
        <p className="hint">{error ? 'There was no answer.' : 'Not yet.'}</p>
      )}
    </section>
  )
}
