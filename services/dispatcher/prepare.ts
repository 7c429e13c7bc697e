import type { SendResult } from '../../shared/contracts/delivery.ts'
import type { Payload } from '../../shared/payload/format.ts'
import type { AttemptJob, Begun, DeliverDeps } from './deliver.ts'
import type { HashedPayload } from './payloads.ts'
import type { OpenWebhook } from './webhooks.ts'

/** Ours are written last: a webhook's own header never replaces what carries the meaning. */
const ownHeaders = (payload: Payload): Record<string, string> => ({
  'user-agent': userAgent,
  ...payload.headers,
  'content-type': payload.contentType,
  // What is never asked for need not be inflated: no answer can grow on its way into memory.
  'accept-encoding': 'identity',
})
const userAgent = 'Tidings/1'

export type Prepared = { payload: HashedPayload; headers: Record<string, string> }

/**
 * Renders and signs. What cannot be rendered or signed now cannot be in a minute either: the delivery fails with the
 * reason in the log, to be sent again once it is mended, instead of going round for ever.
 */
export function prepare(
  job: AttemptJob,
  { webhook, events, recipients, startedAt: now, span }: Begun,
  deps: Pick<DeliverDeps, 'payloads' | 'schemes' | 'log'>,
): Prepared | { fault: SendResult } {
  const secrets = secretsInForce(webhook, now)
  try {
    const payload = deps.payloads.render(events, webhook, secrets, recipients)
    const scheme = deps.schemes.get(webhook.scheme)
    const id = job.batchId ?? job.eventId
    const signature = scheme.sign({ id, now, body: payload.body, secrets, method: 'POST', url: webhook.url })
    return { payload, headers: Object.assign({}, webhook.headers, ownHeaders(payload), traceHeaders(span, events), signature) }
  } catch (error) {
    deps.log.error({ err: error, eventId: job.eventId, webhookId: webhook.id }, 'request could not be made')
    const reason = `the request could not be made: format "${webhook.format}", scheme "${webhook.scheme}"`
    return { fault: { outcome: 'unreachable', permanent: true, error: reason, timings: { endMs: 0 } } }
  }
}

/** Without tracing, the sender's own context goes through as it came. */
function traceHeaders(span: Begun['span'], [event]: Begun['events']): Record<string, string> {
  const traceparent = span?.traceparent ?? event?.traceparent
  return traceparent === undefined ? {} : { traceparent }
}

const secretsInForce = ({ secrets }: OpenWebhook, now: number): string[] =>
  secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now).map(({ value }) => value)
