import { createHmac, verify } from 'node:crypto'
import { equalText } from '../../../shared/signing/mac.ts'
import { isRecord } from '../json-slice.ts'

/** A JSON Web Token (RFC 7519) in compact form, as Sesam's `decode_jwt` filter checks it: signature, times, audience, issuer. */
export type JwtOptions = {
  key: string
  algorithms: string[]
  audience: string[]
  issuer: string | undefined
  leewaySeconds: number
  now: number
}

const hashes: Record<string, string> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' }
export const jwtAlgorithms = ['RS256', 'RS384', 'RS512', 'HS256', 'HS384', 'HS512']

/** The claims, or undefined for any token that is not to be trusted; never says why, because a stranger reads it. */
export function readJwt(token: string, options: JwtOptions): Record<string, unknown> | undefined {
  const [head, payload, signature, ...more] = token.replace(/^Bearer /i, '').split('.')
  if (!head || !payload || !signature || more.length > 0) return undefined
  const algorithm = jsonOf(head)?.alg
  // the token may choose among what is allowed, and `none` never is
  if (typeof algorithm !== 'string' || !options.algorithms.includes(algorithm)) return undefined
  if (!isSigned(`${head}.${payload}`, signature, algorithm, options.key)) return undefined
  const claims = jsonOf(payload)
  return claims && isCurrent(claims, options) && isForUs(claims, options) ? claims : undefined
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isSigned(text: string, signature: string, algorithm: string, key: string): boolean {
  const hash = hashes[algorithm.slice(2)] as string
  if (algorithm.startsWith('HS')) return equalText(createHmac(hash, key).update(text).digest('base64url'), signature)
  try {
    return verify(hash, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
  } catch {
    // the secret is no public key
    return false
  }
}

/** RFC 7519 §4.1.4 and §4.1.5: a claim that is there must hold. */
function isCurrent({ exp, nbf }: Record<string, unknown>, { now, leewaySeconds }: JwtOptions): boolean {
  const seconds = now / 1000
  const begun = nbf === undefined || (typeof nbf === 'number' && nbf <= seconds + leewaySeconds)
  return begun && (exp === undefined || (typeof exp === 'number' && exp > seconds - leewaySeconds))
}

/** RFC 7519 §4.1.3: who is not named in an audience must refuse; a token without one is not for an audience that is asked for. */
function isForUs({ aud, iss }: Record<string, unknown>, { audience, issuer }: JwtOptions): boolean {
  const named = aud === undefined ? [] : Array.isArray(aud) ? aud : [aud]
  const addressed = audience.length === 0 ? named.length === 0 : audience.some((name) => named.includes(name))
  return addressed && (issuer === undefined || iss === issuer)
}
