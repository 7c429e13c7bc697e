import fc from 'fast-check'
import { version } from 'uuid'
import { describe, expect, it } from 'vitest'
import { createApiKey, createId, createSecret, deliveryId, hashApiKey, jobId } from '../../shared/id.ts'

const event = '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11'
const webhook = '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b22'

describe('createId', () => {
  it('makes UUIDs of version 7 that sort by creation', () => {
    const ids = Array.from({ length: 2_000 }, createId)

    expect(new Set(ids).size).toBe(ids.length)
    expect([...ids].sort()).toEqual(ids)
    expect(version(ids[0] as string)).toBe(7)
  })
})

describe('deliveryId', () => {
  it('is the same for the same event and webhook', () => {
    expect(deliveryId(event, webhook)).toBe('0190b6a2-7c1e-85de-a6e0-94726fb00b37')
  })

  it('is a UUID of version 8 that begins with the time of the event', () => {
    fc.assert(
      fc.property(fc.uuid({ version: 7 }), fc.uuid(), (eventId, webhookId) => {
        const id = deliveryId(eventId, webhookId)

        expect(version(id)).toBe(8)
        expect(id.slice(0, 13)).toBe(eventId.slice(0, 13))
      }),
    )
  })

  it('differs when event or webhook does, also where both were made in the same millisecond', () => {
    const ids = Array.from({ length: 2_000 }, createId).flatMap((id) => [
      deliveryId(id, webhook),
      deliveryId(id, event),
      deliveryId(event, id),
    ])

    expect(new Set(ids).size).toBe(6_000)
  })

  it('does not take event and webhook for each other', () => {
    expect(deliveryId(event, webhook)).not.toBe(deliveryId(webhook, event))
  })
})

describe('jobId', () => {
  it('names the generation, and holds no colon, which BullMQ refuses', () => {
    expect(jobId(deliveryId(event, webhook), 2)).toMatch(/^[0-9a-f-]{36}\.2$/)
  })
})

describe('createSecret', () => {
  it('is 32 random bytes in the form of Standard Webhooks', () => {
    const [first, second] = [createSecret(), createSecret()]

    expect(first).toMatch(/^whsec_/)
    expect(Buffer.from(first.slice(6), 'base64')).toHaveLength(32)
    expect(first).not.toBe(second)
  })
})

describe('API keys', () => {
  it('are 32 random bytes that need no escaping in a header or URL', () => {
    const key = createApiKey()

    expect(key).toMatch(/^tdk_[A-Za-z0-9_-]{49}$/)
    expect(createApiKey()).not.toBe(key)
  })

  it('are stored as a hash that does not show them', () => {
    expect(hashApiKey('tdk_abc')).toBe('abfce1ee270e14201975bbfb452145dacae18b1e723986b2cabb0cdec405ad44')
    expect(hashApiKey('tdk_abc')).not.toBe(hashApiKey('tdk_abd'))
  })
})
