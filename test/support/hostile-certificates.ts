import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/**
 * X.509 certificates, valid or not, made when they are needed: so that no key has to be kept anywhere, and none expires
 * over the years. Written out in DER by hand, as Node reads certificates and makes none.
 */
export type Identity = { key: string; cert: string }
export type Authority = Identity & { name: string; privateKey: KeyObject }
export type Wanted = {
  /** Host names that it is for. */
  hosts?: string[]
  /** From when until when it is valid, in days from now. */
  days?: [from: number, until: number]
  /** Signs it; left out: itself. */
  by?: Authority
  /** May sign others. */
  isAuthority?: boolean
}

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const long = length.toString(16)
  const bytes = Buffer.from(long.length % 2 === 0 ? long : `0${long}`, 'hex')
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, 128 | bytes.length, ...bytes]), content])
}
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const octets = (content: Uint8Array) => der(0x04, content)
const yes = der(0x01, Buffer.from([0xff]))

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const nameOf = (name: string) => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))))
const basicConstraints = sequence(oid('551d13'), yes, octets(sequence(yes)))
const subjectAltName = (hosts: string[]) => sequence(oid('551d11'), octets(sequence(...hosts.map((host) => der(0x82, Buffer.from(host))))))

const dayMs = 86_400_000
/** UTCTime: `YYMMDDHHMMSSZ`. */
const timeOf = (days: number) => {
  const at = new Date(Date.now() + days * dayMs)
  return der(0x17, Buffer.from(`${at.toISOString().slice(2, 19).replace(/\D/g, '')}Z`))
}

export function makeCertificate(name: string, { hosts = [], days = [-1, 30], by, isAuthority = false }: Wanted = {}): Authority {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const extensions = [...(isAuthority ? [basicConstraints] : []), ...(hosts.length > 0 ? [subjectAltName(hosts)] : [])]
  const [from, until] = days
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    // positive, and without a leading zero
    der(0x02, Buffer.from([0x40]), randomBytes(8)),
    ecdsaWithSha256,
    nameOf(by?.name ?? name),
    sequence(timeOf(from), timeOf(until)),
    nameOf(name),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  )
  const signature = sign('sha256', toBeSigned, by?.privateKey ?? privateKey)
  const whole = sequence(toBeSigned, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  return {
    name,
    privateKey,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${whole
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n')}\n-----END CERTIFICATE-----\n`,
  }
}

/** Each signed by the one before it; the last for a host. What a server shows of it, beginning with the host's. */
export function makeChain(root: Authority, length: number, host: string): Identity {
  let by = root
  let shown = ''
  for (let n = 1; n < length; n++) {
    by = makeCertificate(`authority ${n} of ${length}`, { by, isAuthority: true })
    shown = by.cert + shown
  }
  const leaf = makeCertificate(host, { hosts: [host], by })
  return { key: leaf.key, cert: leaf.cert + shown }
}
