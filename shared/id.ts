import { hash, randomBytes, randomFillSync, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { v7 } from 'uuid'

/** Drawn for many ids at a time: asking the system for 16 bytes costs as much as for 4 kB. */
const pool = new Uint8Array(4_096)
let drawn = pool.length
let last = 0
let counter = 0

/**
 * A new UUIDv7 (RFC 9562): unique, and sorting by it is sorting by creation. Within a millisecond a counter that begins
 * at random keeps the order (§6.2, method 1); should it run over, the next millisecond is borrowed.
 */
export function createId(): string {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  const random = pool.subarray(drawn, (drawn += 16))
  const now = Date.now()
  if (now > last) {
    last = now
    counter = ((random[6] as number) & 0x7f) * 0x1000000 + (random[7] as number) * 0x10000 + (random[8] as number) * 0x100
  } else if (++counter > 0xffffffff) {
    last++
    counter = 0
  }
  return v7({ random, msecs: last, seq: counter })
}

/**
 * The id of the delivery of one event to one webhook: always the same for the pair, so that a repeated fan-out finds
 * its own rows and jobs again. A UUIDv8 whose first 48 bits are the event's own time, which keeps the log's index
 * growing at its end.
 */
export function deliveryId(eventId: string, webhookId: string): string {
  const digest = hash('sha256', `${eventId}/${webhookId}`)
  const variant = ((Number.parseInt(digest[15] as string, 16) & 0x3) | 0x8).toString(16)
  return `${eventId.slice(0, 13)}-8${digest.slice(12, 15)}-${variant}${digest.slice(16, 19)}-${digest.slice(20, 32)}`
}

/** When an id was made, of one that grows with time; the id of a delivery has the time of its event. */
export function idTime(id: string): number | undefined {
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  return Number.isNaN(ms) ? undefined : ms
}

/** The BullMQ job of one generation of a delivery: 0 is the automatic one, each redelivery takes the next. */
export const jobId = (delivery: string, generation: number): string => `${delivery}.${generation}`

export function readJobId(id: string): { delivery: string; generation: number } {
  const dot = id.lastIndexOf('.')
  return { delivery: id.slice(0, dot), generation: Number(id.slice(dot + 1)) }
}

/** A signing secret in the form of Standard Webhooks: `whsec_` and 32 random bytes in base64. */
export const createSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * An API key: shown once, stored as its SHA-256. A prefix that scanners for leaked secrets find, 256 random bits, and a
 * checksum over them (as GitHub's tokens have), so that one that was cut off or mistyped is known without a look-up.
 */
export function createApiKey(): string {
  const random = Array.from({ length: 43 }, () => digits[randomInt(digits.length)]).join('')
  return `tdk_${random}${checksum(random)}`
}

function checksum(text: string): string {
  let rest = crc32(text)
  let sum = ''
  for (let i = 0; i < 6; i++) {
    sum = (digits[rest % digits.length] as string) + sum
    rest = Math.floor(rest / digits.length)
  }
  return sum
}

/** A key of the form with a checksum, which is wrong. Keys of the first form have none, and are looked up. */
export function isMistyped(key: string): boolean {
  const [, random, sum] = /^tdk_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/.exec(key) ?? []
  return random !== undefined && checksum(random) !== sum
}

/** What a browser holds of a sign-in (`tds_…`), and what a link to one carries (`tdl_…`); stored hashed, like a key. */
export const createSessionText = (kind: 'link' | 'session'): string =>
  `${kind === 'link' ? 'tdl' : 'tds'}_${randomBytes(32).toString('base64url')}`

export const hashApiKey = (key: string): string => hash('sha256', key)
