import { equalText, hmacSha256, refused, refusedTime, signingKeys, usable } from './mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from './scheme.ts'

/**
 * A header of elements, `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `t.body`, one `v1` for each secret. Ptolemy and
 * Stripe write it. The secret is the key as it stands, `whsec_` included: nothing is decoded, unlike in Standard
 * Webhooks, whose secrets look the same.
 */
export type ElementHeader = {
  scheme: string
  /** As it is written in texts; looked up in lower case. */
  header: string
  timestampFault: (text: string, now: number, toleranceSeconds: number) => string | undefined
}

/** Elements in any order; those we do not know (Stripe's `v0`) are ignored. */
function readElements(value: string): { times: string[]; signatures: string[] } {
  const elements = value.split(',')
  const valuesOf = (key: string) => elements.filter((element) => element.startsWith(key)).map((element) => element.slice(key.length))
  return { times: valuesOf('t='), signatures: valuesOf('v1=') }
}

export function createElementScheme({ scheme, header, timestampFault }: ElementHeader): Pick<Scheme, 'sign' | 'verify'> {
  const name = header.toLowerCase()
  return {
    sign({ now, body, secrets }: SignInput): Record<string, string> {
      const timestamp = String(Math.floor(now / 1000))
      const signatures = signingKeys(scheme, secrets).map((key) => `v1=${hmacSha256(key, `${timestamp}.`, body, 'hex')}`)
      return { [name]: [`t=${timestamp}`, ...signatures].join(',') }
    },
    verify({ headers, body, secrets, now, toleranceSeconds }: VerifyInput): Verdict {
      const value = headers[name]
      if (!value) return refused(`${header} is missing`)
      const { times, signatures } = readElements(value)
      const [timestamp] = times
      if (timestamp === undefined || times.length > 1) return refused(`${header} must have one t element`)
      if (signatures.length === 0) return refused(`${header} has no v1 element`)
      const fault = timestampFault(timestamp, now, toleranceSeconds)
      if (fault) return refusedTime(fault)
      const keys = usable(secrets)
      if (keys.length === 0) return refused('there is no secret to verify with')
      const expected = keys.map((key) => hmacSha256(key, `${timestamp}.`, body, 'hex'))
      const matches = signatures.some((given) => expected.some((right) => equalText(given, right)))
      return matches ? { valid: true } : refused('no v1 element matches')
    },
  }
}
