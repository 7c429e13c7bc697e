import type { Context } from 'hono'
import { Problem } from '../../shared/problem.ts'

/**
 * The validation request of the CloudEvents web hook spec §4: a sender asks whether it may send here. The headers of
 * the answer decide, not its status; without `WebHook-Allowed-Origin` it may not. To be granted is no access: each
 * request still needs a key or a signature.
 */
export function grantHandshake(c: Context, allowedOrigins: string): Response {
  const origin = c.req.header('webhook-request-origin')
  if (!origin) throw new Problem('method_not_allowed', `${c.req.path} takes POST; OPTIONS needs WebHook-Request-Origin`, { allow: 'POST' })
  const rate = c.req.header('webhook-request-rate')
  const allowed = allowedOrigins.split(',').map((text) => text.trim().toLowerCase())
  if (!allowed.includes('*') && !allowed.includes(origin.toLowerCase()))
    return new Response(null, { status: 200, headers: { allow: 'POST' } })
  const headers: Record<string, string> = { allow: 'POST', 'webhook-allowed-origin': origin }
  // §4.2.2: an answer to an asked rate has to name one; limits are those of the key, whatever was asked for.
  if (rate !== undefined) headers['webhook-allowed-rate'] = /^[1-9]\d{0,9}$/.test(rate) ? rate : '*'
  return new Response(null, { status: 200, headers })
}
