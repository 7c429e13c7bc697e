import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Filter } from '../../shared/contracts/filter.ts'
import { Problem } from '../../shared/problem.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { anId, fast, someTime } from '../support/builders.ts'
import { stateOf, storeDelivery, storeWebhook } from '../support/log.ts'
import { aStart, anEnd } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('redelivery on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  describe('sends again', () => {
    it('a finished delivery: next generation, from the first step, attempts counted on', async () => {
      const webhookId = await storeWebhook(storage, 'again')
      const { id, eventId } = await storeDelivery(storage, 'again', webhookId, 'failed')

      const open = await storage.deliveries.redeliver('again', id, someTime + 100)

      expect(open).toEqual({
        id,
        organizationId: 'again',
        eventId,
        webhookId,
        generation: 1,
        step: 0,
        nextAttemptAt: someTime + 100,
        batchId: null,
        lane: null,
        retry: fast(1),
      })
      expect(await stateOf(storage, 'again', id)).toMatchObject({
        state: 'pending',
        generation: 1,
        step: 0,
        attempts: 1,
        reason: null,
        updatedAt: someTime + 100,
      })
    })

    it('nothing that is under way, unknown, or whose webhook is gone', async () => {
      const webhookId = await storeWebhook(storage, 'again')
      const open = await storeDelivery(storage, 'again', webhookId, 'pending')
      const failed = await storeDelivery(storage, 'again', webhookId, 'failed')

      expect(await storage.deliveries.redeliver('again', open.id, someTime)).toBe('open')
      expect(await storage.deliveries.redeliver('other', failed.id, someTime)).toBeUndefined()
      expect(await storage.deliveries.redeliver('again', anId(), someTime)).toBeUndefined()

      await storage.webhooks.update('again', webhookId, { active: false }, someTime)
      expect(await storage.deliveries.redeliver('again', failed.id, someTime)).toBe('gone')
      expect(await stateOf(storage, 'again', failed.id)).toMatchObject({ state: 'failed', generation: 0 })
    })
  })

  describe('sends again by filter', () => {
    const failed: Filter = { field: 'status', op: 'eq', value: 'failed' }
    const now = someTime + 10_000
    const begin = async (organizationId: string, filter: Filter | null) => {
      const matched = await storage.redeliveries.count({ organizationId, filter })
      return storage.redeliveries.create({ id: anId(), organizationId, filter, before: now, matched }, now)
    }

    it('piece by piece, each once, until none is left', async () => {
      const webhookId = await storeWebhook(storage, 'many')
      const wanted = []
      for (let n = 0; n < 5; n++) wanted.push((await storeDelivery(storage, 'many', webhookId, 'failed', someTime + n)).id)
      await storeDelivery(storage, 'many', webhookId, 'succeeded')
      const { id, ...redelivery } = await begin('many', failed)
      expect(redelivery).toMatchObject({ state: 'running', matched: 5, redelivered: 0 })

      const pieces = []
      while ((await storage.redeliveries.running()).some((one) => one.id === id)) {
        pieces.push(await storage.redeliveries.advance(id, 2, now + pieces.length))
        // As fast as can be, each fails again: what was opened must not be opened twice.
        const ended = pieces.at(-1)?.map((open) =>
          anEnd(aStart({ ...open, eventType: '', subscriptionIds: [], acceptedAt: 0, cause: null }, { generation: 1, at: now + 50 }), 500, {
            state: 'failed',
            nextAttemptAt: null,
          }),
        )
        await storage.deliveries.record(ended ?? [], now + 60)
      }

      expect(pieces.map((piece) => piece.length)).toEqual([2, 2, 1])
      expect(pieces.flat().map((open) => open.id)).toEqual(wanted)
      expect(pieces.flat()[0]).toMatchObject({ webhookId, generation: 1, step: 0, nextAttemptAt: now, retry: fast(1) })
      expect(await storage.redeliveries.find('many', id)).toMatchObject({ state: 'finished', redelivered: 5 })
      expect(await storage.redeliveries.advance(id, 2, now)).toEqual([])
    })

    it('all of them, though a piece was taken back', async () => {
      const webhookId = await storeWebhook(storage, 'taken back')
      for (let n = 0; n < 3; n++) await storeDelivery(storage, 'taken back', webhookId, 'failed', someTime + n)
      const { id } = await begin('taken back', failed)

      // in one commit with a call that fails, where calls of one moment share one
      const failing = storage.redeliveries.create({ id, organizationId: 'taken back', filter: failed, before: now, matched: 3 }, now)
      const again = await Promise.all([storage.redeliveries.advance(id, 2, now), expect(failing).rejects.toThrow()]).then(([first]) => [
        ...first,
      ])
      for (let piece = [...again]; piece.length > 0; again.push(...piece)) piece = await storage.redeliveries.advance(id, 2, now)
      expect(again.map((open) => open.nextAttemptAt)).toEqual([now, now, now])
      expect(new Set(again.map((open) => open.id)).size).toBe(3)
      expect(await storage.redeliveries.find('taken back', id)).toMatchObject({ state: 'finished', redelivered: 3 })
    })

    it('until it is stopped', async () => {
      const webhookId = await storeWebhook(storage, 'stopped')
      for (let n = 0; n < 3; n++) await storeDelivery(storage, 'stopped', webhookId, 'failed')
      const { id } = await begin('stopped', failed)
      await storage.redeliveries.advance(id, 1, now)

      expect(await storage.redeliveries.stop('other', id, now)).toBeUndefined()
      expect(await storage.redeliveries.stop('stopped', id, now + 1)).toMatchObject({
        state: 'stopped',
        redelivered: 1,
        updatedAt: now + 1,
      })

      expect(await storage.redeliveries.advance(id, 10, now)).toEqual([])
      expect(await storage.redeliveries.stop('stopped', id, now + 2)).toMatchObject({ state: 'stopped', updatedAt: now + 1 })
      expect(await storage.redeliveries.list('stopped', { limit: 5 })).toMatchObject([{ id }])
      expect(await storage.redeliveries.list('other', { limit: 5 })).toEqual([])
    })

    it('leaves out what was touched since, what is under way, and webhooks that are not active', async () => {
      const webhookId = await storeWebhook(storage, 'left')
      const asleep = await storeWebhook(storage, 'left', { active: false })
      await storeDelivery(storage, 'left', webhookId, 'pending')
      await storeDelivery(storage, 'left', asleep, 'failed')
      const { id } = await storeDelivery(storage, 'left', webhookId, 'failed')

      const redelivery = await begin('left', null)
      await storeDelivery(storage, 'left', webhookId, 'failed', now)

      expect(redelivery.matched).toBe(1)
      expect((await storage.redeliveries.advance(redelivery.id, 10, now)).map((open) => open.id)).toEqual([id])
    })

    it('is finished at once where nothing matches, and refuses a filter that cannot be', async () => {
      expect(await begin('nothing', failed)).toMatchObject({ state: 'finished', matched: 0 })
      await expect(begin('nothing', { field: 'x', op: 'eq', value: 1 })).rejects.toBeInstanceOf(Problem)
      expect(await storage.redeliveries.list('nothing', { limit: 5 })).toHaveLength(1)
    })
  })
})
