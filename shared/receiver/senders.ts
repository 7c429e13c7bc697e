import { hubspotId, idOf, isRecord, typeOf, type ReceivedEvent, type ReceivedHeaders } from './event.ts'
import type { VerificationError } from './verify.ts'

/**
 * What each sender expects and calls things, by the scheme it signs with. Only what differs from the rule: the id and
 * type in the body, `{"ok":true}`, and a problem (RFC 9457) where a signature is refused.
 */
export type Sender = {
  accepted: unknown
  refused?(error: VerificationError): unknown
  /** Of the whole request, where a header names it. */
  requestId?(headers: ReceivedHeaders): string | undefined
  /** Undefined: the event has none, and is told by its content. */
  eventId(event: ReceivedEvent, headers: ReceivedHeaders): string | undefined
  type(event: ReceivedEvent, headers: ReceivedHeaders): string | undefined
  /**
   * Whether `ce-` headers are believed, as CloudEvents in binary mode need. Nobody signs headers: for a sender that has
   * no use for them they would be a way to give a captured request another id and type.
   */
  binaryMode: boolean
  /** The answer to a request that is no event but asks whether we are there. */
  handshake?(event: ReceivedEvent): unknown
}

const usual: Sender = { accepted: { ok: true }, eventId: idOf, type: typeOf, binaryMode: true }

const header =
  (...names: string[]) =>
  (headers: ReceivedHeaders) =>
    names.map((name) => headers[name]).find(Boolean)
const typeIn = (name: string) => (event: ReceivedEvent, headers: ReceivedHeaders) => headers[name] ?? typeOf(event)

const standard = { requestId: header('webhook-id'), binaryMode: true }
const hubspot = { eventId: hubspotId }
// an entity's id names the entity: the same one comes again when it has changed, and its content is what tells
const sesam = { accepted: {}, eventId: () => undefined }

const senders: Record<string, Partial<Sender>> = {
  foundry: {
    accepted: { received: true },
    refused: ({ kind }) => ({ error: kind === 'timestamp' ? 'Timestamp too old' : 'Invalid signature' }),
  },
  ptolemy: {
    refused: () => ({ detail: 'Invalid signature' }),
    eventId: (event, headers) => idOf(event) ?? headers['ptolemy-signature'],
  },
  'standard-webhooks': standard,
  'standard-webhooks-ed25519': standard,
  'gitlab-signing': { requestId: standard.requestId, type: typeIn('x-gitlab-event') },
  'gitlab-token': { requestId: header('idempotency-key', 'x-gitlab-event-uuid'), type: typeIn('x-gitlab-event') },
  svix: { requestId: header('svix-id'), binaryMode: true },
  stripe: {},
  openmetadata: {},
  'openmetadata-real': {},
  github: { requestId: header('x-github-delivery'), type: typeIn('x-github-event') },
  'bitbucket-server': { requestId: header('x-request-id'), type: typeIn('x-event-key') },
  shopify: {
    requestId: header('shopify-webhook-id', 'x-shopify-webhook-id'),
    type: (event, headers) => headers['shopify-topic'] ?? headers['x-shopify-topic'] ?? typeOf(event),
  },
  'hubspot-v1': hubspot,
  'hubspot-v2': hubspot,
  'hubspot-v3': hubspot,
  'sesam-hmac': sesam,
  'sesam-token': sesam,
  slack: {
    handshake: ({ type, challenge }) => (type === 'url_verification' && typeof challenge === 'string' ? { challenge } : undefined),
    eventId: ({ event_id }) => (typeof event_id === 'string' ? event_id : undefined),
    type: ({ event, ...outer }) => typeOf(isRecord(event) ? event : outer),
  },
}

export const senderOf = (scheme: string): Sender =>
  Object.hasOwn(senders, scheme) ? { ...usual, binaryMode: false, ...senders[scheme] } : usual
