import type { Scheme, Verdict } from '../signing/scheme.ts'
import { schemeNamed } from './scheme.ts'

/** A request that nobody with the secret has signed, or not lately. The message never says what would have been right. */
export class VerificationError extends Error {
  /** `timestamp` where the time that the request carries is what is wrong. */
  readonly kind: Extract<Verdict, { valid: false }>['kind']

  constructor(reason: string, kind: VerificationError['kind']) {
    super(reason)
    this.name = 'VerificationError'
    this.kind = kind
  }
}

/** As Node, Fetch and the frameworks hold them, in any case. */
export type HeadersLike = Headers | Record<string, string | string[] | undefined>

export type Verification = {
  /** Name of one of the schemes of Tidings, or a scheme of your own. */
  scheme: string | Scheme
  /** Any of these may have signed: give the new one and the old one while rotating. */
  secrets: (string | undefined)[]
  /** For schemes that can be set up: header names, encodings. */
  params?: Record<string, unknown>
  /** Seconds that the signed time may differ; 300 unless given. */
  toleranceSeconds?: number
}

export type SignedRequest = {
  headers: HeadersLike
  /** The bytes as they came: JSON that was parsed and written again is not what was signed. */
  body: Uint8Array | string
  /** For schemes that sign them (HubSpot): the full public URL, as the sender saw it. */
  method?: string | undefined
  url?: string | undefined
  /** Milliseconds; the clock unless given. */
  now?: number
}

/** Returns when one of the secrets has signed these bytes, and throws a `VerificationError` otherwise. */
export function verify(request: Verification & SignedRequest): void {
  const { toleranceSeconds = 300, now = Date.now(), method, url } = request
  const { scheme, params } = resolveScheme(request)
  const verdict = scheme.verify({
    headers: lowerCased(request.headers),
    body: bytesOf(request.body),
    secrets: usableSecrets(request.secrets),
    now,
    toleranceSeconds,
    ...(method !== undefined && { method }),
    ...(url !== undefined && { url }),
    ...(params && { params }),
  })
  if (!verdict.valid) throw new VerificationError(verdict.reason, verdict.kind)
}

/** Throws where the scheme does not exist or is not set up as it must be, which is no fault of any request. */
export function resolveScheme({ scheme: given, params }: Pick<Verification, 'scheme' | 'params'>) {
  const scheme = typeof given === 'string' ? schemeNamed(given) : given
  if (!scheme.params) {
    if (params) throw new Error(`the scheme ${scheme.name} takes no params`)
    return { scheme }
  }
  const parsed = scheme.params.safeParse(params ?? {})
  if (parsed.success) return { scheme, params: parsed.data }
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'params'}: ${message}`)
  throw new Error(`the params of the scheme ${scheme.name} are not right: ${faults.join('; ')}`)
}

/** Secrets often come from the environment, where one that was forgotten is undefined and one left blank is empty. */
export const usableSecrets = (secrets: (string | undefined)[]): string[] =>
  secrets.filter((secret): secret is string => typeof secret === 'string' && secret !== '')

export function lowerCased(headers: HeadersLike): Record<string, string | undefined> {
  // by what it can do: a framework may bring a Headers class of its own
  const entries = Symbol.iterator in headers ? [...(headers as Headers)] : Object.entries(headers)
  // several headers of one name are joined, as HTTP has it (RFC 9110 §5.3)
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]))
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  throw new TypeError('the body must be the raw bytes: a signature over JSON that was parsed cannot be verified')
}
