import { hmacSha256, refused, signingKeys, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/**
 * Shopify: base64 of HMAC-SHA256 over the body, the key is the app's client secret. Newer header names have no `x-`
 * and win when both are there. An empty body is refused, as Shopify's own libraries do: no webhook has one.
 */
function sign({ body, secrets }: SignInput): Record<string, string> {
  const [key] = signingKeys('shopify', secrets)
  return { 'x-shopify-hmac-sha256': hmacSha256(key, '', body, 'base64') }
}

function verify({ headers, body, secrets }: VerifyInput): Verdict {
  const given = headers['shopify-hmac-sha256'] ?? headers['x-shopify-hmac-sha256']
  if (body.length === 0) return refused('the body is empty')
  return verifyOne(given, 'X-Shopify-Hmac-Sha256', secrets, (key) => hmacSha256(key, '', body, 'base64'))
}

export default {
  name: 'shopify',
  description: 'Shopify: `X-Shopify-Hmac-Sha256`, base64 of HMAC-SHA256 over the body with the client secret of the app.',
  sign,
  verify,
} satisfies Scheme
