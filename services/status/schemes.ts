import type { Registry } from '../../shared/registry.ts'
import type { Scheme, SchemeParams } from '../../shared/signing/scheme.ts'

/** Schemes that work by their name alone. */
export const choosable = (schemes: Registry<Scheme>): string[] =>
  schemes
    .all()
    .filter(({ params }) => !params || params.safeParse({}).success)
    .map(({ name }) => name)

/**
 * Whether the scheme can sign with these secrets: found out when they are chosen, and not at the first delivery. It is
 * asked as the dispatcher will ask it, and must verify what it has signed.
 */
export function canSign(scheme: Scheme, secrets: string[], now: number, params: SchemeParams = {}): boolean {
  const body = Buffer.from('{}')
  try {
    const request = { method: 'POST', url: 'https://example.com/', params }
    const headers = scheme.sign({ id: 'check', now, body, secrets, ...request })
    return Object.keys(headers).length === 0 || scheme.verify({ headers, body, secrets, now, toleranceSeconds: 300, ...request }).valid
  } catch {
    // a scheme says by throwing that it has no usable secret, which is the answer
    return false
  }
}
