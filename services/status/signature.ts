import type { SignatureCheck } from '../../shared/contracts/api/signature.ts'
import type { Attempt } from '../../shared/contracts/api/delivery.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { ApiKey, Webhook } from '../../shared/storage/storage.ts'
import { findDelivery, showAttempts } from './deliveries.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'
import { inForce, iso, isoOrNull } from './shape.ts'

type Deps = Pick<StatusDeps, 'storage' | 'formats' | 'schemes' | 'vault' | 'queue' | 'clock' | 'log'>

/**
 * The check that a receiver makes, made again over what was sent, with each secret alone: tells whether the secret, the
 * bytes or the clock is what a receiver that refuses has wrong. No secret is shown.
 */
export async function checkSignature(deliveryId: string, attemptId: string, key: ApiKey, deps: Deps): Promise<SignatureCheck> {
  const { delivery, attempts } = await findDelivery(key.organizationId, deliveryId, deps)
  const stored = attempts.find(({ id }) => id === attemptId)
  if (!stored) throw notFound('attempt', attemptId)
  const webhook = await deps.storage.webhooks.load(delivery.webhookId)
  const [attempt] = await showAttempts([stored], delivery, { ...key, scopes: ['write'] }, deps)
  if (!webhook || !attempt) throw notFound('webhook', delivery.webhookId)
  const scheme = deps.schemes.get(webhook.scheme)
  const about = { scheme: scheme.name, description: scheme.description, signed_at: iso(stored.startedAt), secrets: [], headers: {} }
  if (scheme.unsigned) return { ...about, result: 'unsigned', reason: null }
  const request = attempt.request
  if (!request || request.body === null)
    return { ...about, result: 'unknown', reason: request?.body_note ?? 'the attempt did not come to an end' }
  return { ...about, ...judge(scheme, { ...request, body: request.body }, stored.startedAt, webhook, deps) }
}

type Sent = NonNullable<Attempt['request']> & { body: string }

function judge(scheme: Scheme, request: Sent, at: number, webhook: Webhook, { vault, clock }: Deps) {
  const body = Buffer.from(request.body, request.body_encoding === 'base64' ? 'base64' : 'utf8')
  const sent = { method: 'POST', url: request.url }
  const secrets = inForce(webhook.secrets, clock.now()).map(({ sealed, createdAt, expiresAt }) => {
    const verdict = scheme.verify({
      headers: request.headers,
      body,
      secrets: [vault.open(sealed, webhook.id)],
      now: at,
      toleranceSeconds: 300,
      ...sent,
    })
    return {
      created_at: iso(createdAt),
      expires_at: isoOrNull(expiresAt),
      verifies: verdict.valid,
      reason: verdict.valid ? null : verdict.reason,
    }
  })
  const verifies = secrets.some((secret) => secret.verifies)
  return {
    result: verifies ? ('verifies' as const) : ('fails' as const),
    reason: verifies
      ? null
      : `with no secret of today: ${secrets[0]?.reason ?? 'there is none'}. The secret, the scheme or the format has changed since, or it was signed otherwise.`,
    headers: signingHeaders(scheme, request, at, webhook, body, vault),
    secrets,
  }
}

/** Those that the scheme writes; found by letting it sign. */
function signingHeaders(
  scheme: Scheme,
  request: Sent,
  now: number,
  webhook: Webhook,
  body: Uint8Array,
  vault: StatusDeps['vault'],
): Record<string, string> {
  const secrets = webhook.secrets.map(({ sealed }) => vault.open(sealed, webhook.id))
  try {
    const names = Object.keys(scheme.sign({ id: 'check', now, body, secrets, method: 'POST', url: request.url }))
    return Object.fromEntries(names.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])))
  } catch {
    // a secret of another form than this scheme needs: the verdict says so already
    return {}
  }
}
