import { describe, expect, it } from 'vitest'
import { anEvent } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { withSystem } from '../support/system.ts'

describe('a service that is asked to end', () => {
  it('finishes the requests under way, so that none is made twice', () =>
    withSystem({ dispatchers: 2, settings: { CONCURRENCY: '10' } }, async ({ api, receiver, dispatchers }) => {
      receiver.reply({ status: 200, afterMs: 200 })
      const { id } = await api.createWebhook({ url: receiver.url })
      await api.subscribe(id, '*')
      const ids = await api.publish(Array.from({ length: 100 }, () => anEvent()))
      await receiver.request(20)

      const [first] = dispatchers
      const code = await first?.stop()

      expect(code).toBe(0)
      await eventually(async () => expect(await api.count({ field: 'status', op: 'eq', value: 'succeeded' })).toBe(100))
      expect(receiver.requests.map((request) => request.id).sort()).toEqual([...ids].sort())
    }))

  it('ends in order while Redis is away', () =>
    withSystem({ settings: { DRAIN_MS: '500' } }, async ({ ingest, status, dispatchers, redis }) => {
      await redis.kill()

      const codes = await Promise.all([ingest, status, ...dispatchers].map((process) => process.stop()))

      expect(codes).toEqual([0, 0, 0])
    }))
})
