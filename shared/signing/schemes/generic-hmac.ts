import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { equalText, refused, refusedTime, timestampFault, usable } from '../mac.ts'
import { HeaderName } from '../params.ts'
import type { Scheme, SchemeParams, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/** Any HMAC that a template can describe: which header, what is signed, how it is written. */
const Params = z
  .strictObject({
    header: HeaderName.describe('Header that holds the signature.'),
    algorithm: z.enum(['sha1', 'sha256', 'sha512']).default('sha256'),
    encoding: z.enum(['hex', 'base64']).default('hex'),
    prefix: z
      .string()
      .max(100)
      .regex(/^[!-~]*$/, 'must be printable ASCII without spaces')
      .default('')
      .describe('What stands before the signature, for example `sha256=`.'),
    signed: z
      .string()
      .max(200)
      .regex(/^([^{}]|\{body\}|\{timestamp\})*$/, 'may have `{body}` and `{timestamp}` and no other braces')
      .refine((template) => template.split('{body}').length === 2, 'must have `{body}` once: what it leaves out is not protected')
      .default('{body}')
      .describe('What is signed, for example `{timestamp}.{body}`.'),
    timestamp_header: HeaderName.optional().describe('Header that holds a Unix time in seconds.'),
    tolerance_s: z.int().min(1).max(86_400).optional().describe('Seconds the timestamp may differ; the setting of Tidings when left out.'),
    key_encoding: z.enum(['verbatim', 'hex']).default('verbatim').describe('Whether the secret is the key, or the key in hexadecimal.'),
  })
  // a timestamp that is not signed can be written by whoever replays the request, and would protect nothing
  .refine(({ signed, timestamp_header }) => signed.includes('{timestamp}') === (timestamp_header !== undefined), {
    path: ['timestamp_header'],
    message: 'goes with `{timestamp}` in `signed`: both or neither',
  })
  .refine(({ tolerance_s, timestamp_header }) => tolerance_s === undefined || timestamp_header !== undefined, {
    path: ['tolerance_s'],
    message: 'needs a `timestamp_header`',
  })
  .refine(({ header, timestamp_header }) => header !== timestamp_header, {
    path: ['timestamp_header'],
    message: 'must not be the header of the signature',
  })
type Params = z.infer<typeof Params>

const readParams = (params: SchemeParams | undefined): Params => Params.parse(params ?? {})

function keysOf(secrets: string[], { key_encoding }: Params): Buffer[] {
  if (key_encoding === 'verbatim') return usable(secrets).map((secret) => Buffer.from(secret))
  return secrets.filter((secret) => /^([0-9A-Fa-f]{2})+$/.test(secret)).map((secret) => Buffer.from(secret, 'hex'))
}

function signature(key: Buffer, timestamp: string, body: Uint8Array, { algorithm, encoding, prefix, signed }: Params): string {
  const [before = '', after = ''] = signed.replaceAll('{timestamp}', () => timestamp).split('{body}')
  return prefix + createHmac(algorithm, key).update(before).update(body).update(after).digest(encoding)
}

function sign({ now, body, secrets, params: given }: SignInput): Record<string, string> {
  const params = readParams(given)
  const [key] = keysOf(secrets, params)
  if (!key) throw new Error('generic-hmac: no secret to sign with')
  const timestamp = String(Math.floor(now / 1000))
  return {
    [params.header]: signature(key, timestamp, body, params),
    ...(params.timestamp_header && { [params.timestamp_header]: timestamp }),
  }
}

function verify({ headers, body, secrets, now, toleranceSeconds, params: given }: VerifyInput): Verdict {
  const params = readParams(given)
  const { header, timestamp_header: timestampHeader, tolerance_s = toleranceSeconds } = params
  const value = headers[header]
  if (!value) return refused(`${header} is missing`)
  const timestamp = timestampHeader ? headers[timestampHeader] : ''
  if (timestamp === undefined) return refused(`${timestampHeader} is missing`)
  const fault = timestampHeader && timestampFault(timestamp, now, tolerance_s)
  if (fault) return refusedTime(fault)
  const keys = keysOf(secrets, params)
  if (keys.length === 0) return refused('there is no secret to verify with')
  const matches = keys.map((key) => equalText(value, signature(key, timestamp, body, params)))
  return matches.includes(true) ? { valid: true } : refused(`${header} does not match`)
}

export default {
  name: 'generic-hmac',
  description: 'Any other HMAC: header, algorithm, encoding, prefix, signed text and timestamp are set for the source.',
  params: Params,
  sign,
  verify,
} satisfies Scheme
