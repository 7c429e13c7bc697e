import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { createStandardScheme, type Signatures } from '../standard.ts'
import type { Scheme } from '../scheme.ts'

/**
 * Standard Webhooks 1.0, asymmetric signatures. `whsk_` and base64 of the private key: its seed of 32 bytes, alone or
 * followed by the public key; `whpk_` and base64 of the public key. Who signs needs the first, who verifies either.
 */
// the fixed start of an Ed25519 key in DER (RFC 8410 §7 and §4), after which the 32 bytes stand as they are
const privateStart = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicStart = Buffer.from('302a300506032b6570032100', 'hex')

function bytesAfter(prefix: string, secret: string, ...lengths: number[]): Buffer | undefined {
  if (!secret.startsWith(prefix)) return undefined
  const bytes = Buffer.from(secret.slice(prefix.length), 'base64')
  return lengths.includes(bytes.length) ? bytes : undefined
}

function privateKey(secret: string): KeyObject | undefined {
  const seed = bytesAfter('whsk_', secret, 32, 64)?.subarray(0, 32)
  return seed && createPrivateKey({ key: Buffer.concat([privateStart, seed]), format: 'der', type: 'pkcs8' })
}

function publicKey(secret: string): KeyObject | undefined {
  const own = privateKey(secret)
  if (own) return createPublicKey(own)
  const bytes = bytesAfter('whpk_', secret, 32)
  return bytes && createPublicKey({ key: Buffer.concat([publicStart, bytes]), format: 'der', type: 'spki' })
}

/** One spelling only: base64 with other padding bits decodes to the same bytes and is not what a signer writes. */
function signatureBytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 64 && bytes.toString('base64') === text ? bytes : undefined
}

const keysOf = (secrets: string[], read: (secret: string) => KeyObject | undefined): KeyObject[] =>
  secrets.map(read).filter((key) => key !== undefined)

const ed25519: Signatures = {
  version: 'v1a',
  sign: (secrets, prefix, body) =>
    keysOf(secrets, privateKey).map((key) => sign(null, Buffer.concat([Buffer.from(prefix), body]), key).toString('base64')),
  checks(secrets, prefix, body) {
    const message = Buffer.concat([Buffer.from(prefix), body])
    return keysOf(secrets, publicKey).map((key) => (text) => {
      const signature = signatureBytes(text)
      return signature !== undefined && verify(null, message, key, signature)
    })
  },
}

export default {
  name: 'standard-webhooks-ed25519',
  description:
    'Standard Webhooks 1.0 with Ed25519: `v1a` signatures; `whsk_` secrets sign and verify, `whpk_` public keys verify. Secrets are given, not made.',
  ...createStandardScheme('standard-webhooks-ed25519', 'webhook', ed25519),
} satisfies Scheme
