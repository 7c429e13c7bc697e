import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * How a receiver verifies what it gets, with what its documentation says and node:crypto alone: nothing here is shared
 * with the code that signs.
 */
export type Delivered = { headers: IncomingHttpHeaders; body: Buffer; secret: string }
type Verify = (delivered: Delivered) => boolean

const toleranceSeconds = 300
const isRecent = (timestamp: string) => Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds
const hmac = (key: string | Buffer, prefix: string, body: Buffer) => createHmac('sha256', key).update(prefix).update(body)
const equal = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

function standardWebhooks({ headers, body, secret }: Delivered): boolean {
  const {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures,
  } = headers as Record<string, string | undefined>
  if (!id || !timestamp || !signatures || !isRecent(timestamp)) return false
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = `v1,${hmac(key, `${id}.${timestamp}.`, body).digest('base64')}`
  return signatures.split(' ').some((given) => equal(given, expected))
}

function ptolemy({ headers, body, secret }: Delivered): boolean {
  const elements = String(headers['ptolemy-signature'] ?? '').split(',')
  const timestamp = elements.find((element) => element.startsWith('t='))?.slice(2)
  if (!timestamp || !isRecent(timestamp)) return false
  const expected = `v1=${hmac(secret, `${timestamp}.`, body).digest('hex')}`
  return elements.some((given) => equal(given, expected))
}

export const verifiers = { 'standard-webhooks': standardWebhooks, ptolemy } satisfies Record<string, Verify>

/** Which event it is, read as a receiver of the format would. */
export type Read = { eventId: string | undefined; type: string | undefined }
type Members = Record<string, string | undefined>

const membersOf = (body: Buffer): Members => {
  try {
    return JSON.parse(body.toString('utf8')) as Members
  } catch {
    return {}
  }
}

export const readers = {
  tidings: ({ headers, body }) => ({ eventId: headers['webhook-id'] as string, type: membersOf(body).type }),
  ptolemy: ({ body }) => ({ eventId: membersOf(body).id, type: membersOf(body).event_type }),
  // a CloudEvent keeps the id that its source gave it; ours is in the header of the scheme
  cloudevents: ({ headers, body }) => ({ eventId: headers['webhook-id'] as string, type: membersOf(body).type }),
  'cloudevents-binary': ({ headers }) => ({ eventId: headers['webhook-id'] as string, type: headers['ce-type'] as string }),
} satisfies Record<string, (delivered: Delivered) => Read>
