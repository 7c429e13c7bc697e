import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Filter, SortKey } from '../../shared/contracts/filter.ts'
import { Problem } from '../../shared/problem.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, anId, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aStart, anEnd } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('the delivery log on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  it('shows a delivery with the members of its event and all its attempts, to its organization alone', async () => {
    const webhookId = await storeWebhook(storage, 'one', { label: 'production', url: 'https://example.com/a' })
    const entity = { type: 'table', id: '7', name: 'warehouse.sales.orders' }
    const { id, eventId } = await storeDelivery(storage, 'one', webhookId, 'failed', someTime, {
      entity,
      subject: 'orders',
      source: 'catalog',
    })

    const found = await storage.deliveries.find('one', id)

    expect(found?.delivery).toMatchObject({ id, eventId, state: 'failed', attempts: 1, lastStatusCode: 500, lastOutcome: 'rejected' })
    expect(found?.delivery).toMatchObject({
      source: 'catalog',
      subject: 'orders',
      entityType: 'table',
      entityId: '7',
      entityName: 'warehouse.sales.orders',
    })
    expect(found?.delivery).toMatchObject({ webhookLabel: 'production', webhookUrl: 'https://example.com/a' })
    expect(found?.attempts).toMatchObject([
      { number: 1, outcome: 'rejected', statusCode: 500, decision: 'answered 500', timings: { endMs: 5 } },
    ])
    expect(await storage.deliveries.find('other', id)).toBeUndefined()
    expect((await storage.deliveries.ofEvent('one', eventId, { limit: 5 })).map((row) => row.id)).toEqual([id])
    expect(await storage.deliveries.ofEvent('other', eventId, { limit: 5 })).toEqual([])
  })

  describe('filtered', () => {
    const ids: string[] = []
    let webhookId: string
    beforeAll(async () => {
      webhookId = await storeWebhook(storage, 'filtered')
      for (const [n, ending] of (['pending', 'succeeded', 'failed'] as const).entries()) {
        const { id } = await storeDelivery(storage, 'filtered', webhookId, ending, someTime + n * 1000, {
          type: `table.${ending}`,
          entity: { type: 'table', name: `a_${n}%` },
        })
        ids.push(id)
      }
    })

    const at = (n: number) => new Date(someTime + n * 1000).toISOString()
    it.each<[string, Filter, number[]]>([
      ['eq', { field: 'status', op: 'eq', value: 'failed' }, [2]],
      ['ne', { field: 'status', op: 'ne', value: 'failed' }, [0, 1]],
      ['ne, where the field is empty', { field: 'last_status_code', op: 'ne', value: 200 }, [0, 2]],
      ['eq null', { field: 'last_status_code', op: 'eq', value: null }, [0]],
      ['lt on a number', { field: 'last_status_code', op: 'lt', value: 500 }, [1]],
      ['gte on a time', { field: 'accepted_at', op: 'gte', value: at(1) }, [1, 2]],
      ['a time with an offset', { field: 'accepted_at', op: 'lt', value: at(1).replace('Z', '+00:00') }, [0]],
      ['in', { field: 'status', op: 'in', value: ['pending', 'failed'] }, [0, 2]],
      ['in, of nothing', { field: 'status', op: 'in', value: [] }, []],
      ['not_in, where the field is empty', { field: 'last_outcome', op: 'not_in', value: ['rejected'] }, [0, 1]],
      ['like, in any case', { field: 'event_type', op: 'like', value: 'TABLE.S' }, [1]],
      ['like, with % and _ as they are', { field: 'entity_name', op: 'like', value: '_1%' }, [1]],
      ['is_null', { field: 'delivered_at', op: 'is_null', value: false }, [1]],
      [
        'or within and',
        {
          and: [
            { field: 'source', op: 'eq', value: 'api' },
            {
              or: [
                { field: 'status', op: 'eq', value: 'failed' },
                { field: 'entity_name', op: 'eq', value: 'a_0%' },
              ],
            },
          ],
        },
        [0, 2],
      ],
    ])('by %s gives those that match, and counts them', async (_, filter, expected) => {
      const sort: SortKey[] = [{ field: 'created_at', direction: 'asc' }]

      const page = await storage.deliveries.filter('filtered', { filter, sort, limit: 10 })

      expect(page.rows.map((row) => ids.indexOf(row.id))).toEqual(expected)
      expect(await storage.deliveries.count('filtered', filter)).toEqual({ count: expected.length, exact: true })
    })

    it.each<[string[], number[]]>([
      [['pending'], [0]],
      [['succeeded'], [1]],
      [['failed'], [2]],
      [['failed', 'cancelled'], [2]],
      [['pending', 'retrying'], [0]],
      [
        ['pending', 'succeeded', 'failed'],
        [0, 1, 2],
      ],
      [[], []],
    ])('by a webhook and the status %j gives those that match, and counts them', async (states, expected) => {
      const of = (webhook: string): Filter => ({
        and: [
          { field: 'webhook_id', op: 'eq', value: webhook },
          { field: 'status', op: 'in', value: states },
        ],
      })
      const page = await storage.deliveries.filter('filtered', { filter: of(webhookId), limit: 10 })

      const patient = await storage.deliveries.filter('filtered', { filter: of(webhookId), limit: 10, patienceMs: 1_000 })

      expect(page.rows.map((row) => ids.indexOf(row.id))).toEqual(expected.toReversed())
      expect(patient).toEqual(page)
      expect(await storage.deliveries.count('filtered', of(webhookId))).toEqual({ count: expected.length, exact: true })
      expect(await storage.deliveries.count('other', of(webhookId))).toEqual({ count: 0, exact: true })
      expect(await storage.deliveries.count('filtered', of(anId()))).toEqual({ count: 0, exact: true })
    })

    it('shows nothing of another organization', async () => {
      expect(await storage.deliveries.filter('other', { limit: 10 })).toEqual({ rows: [], nextCursor: null })
      expect(await storage.deliveries.count('other', undefined)).toEqual({ count: 0, exact: true })
    })

    it('comes newest first unless sorted otherwise', async () => {
      expect((await storage.deliveries.filter('filtered', { limit: 10 })).rows.map((row) => row.id)).toEqual([...ids].reverse())
    })

    it('finds text in what was received, and in what was answered', async () => {
      const delivery = await storeDelivery(storage, 'texts', await storeWebhook(storage, 'texts'), 'pending')
      const start = aStart(delivery, { at: someTime })
      const result = { outcome: 'rejected', statusCode: 500, responseBody: 'no such Table', timings: { endMs: 5 } } as const
      await storage.deliveries.record([start, anEnd(start, 500, { result })], someTime)
      const found = async (field: string, value: string) =>
        (await storage.deliveries.filter('texts', { filter: { field, op: 'like', value }, limit: 10 })).rows.map((row) => row.id)

      expect(await found('payload', '{"ROWS"')).toEqual([delivery.id])
      expect(await found('response', 'such table')).toEqual([delivery.id])
      for (const field of ['payload', 'response']) expect(await found(field, 'nowhere')).toEqual([])
    })

    it('holds the same, told in objects or with their texts', async () => {
      const webhookId = await storeWebhook(storage, 'told')
      const [one, other] = [
        await storeDelivery(storage, 'told', webhookId, 'pending'),
        await storeDelivery(storage, 'told', webhookId, 'pending'),
      ]
      const [first, second] = [aStart(one, { at: someTime }), aStart(other, { at: someTime })]
      const alone = anEnd(second, 500)
      await storage.deliveries.record([first, anEnd(first, 500)], someTime)
      await storage.deliveries.record([second, alone], someTime, [JSON.stringify([second]), JSON.stringify(alone)])
      const found = async (id: string) => {
        const { delivery, attempts } = (await storage.deliveries.find('told', id)) ?? {}
        const { eventId, subject, entityName, id: itself, acceptedAt, createdAt, ...rest } = delivery ?? ({} as never)
        return { ...rest, attempts: attempts?.map(({ id: attempt, deliveryId, ...what }) => what) }
      }

      expect(await found(other.id)).toEqual(await found(one.id))
      expect(await found(one.id)).toMatchObject({ state: 'retrying', attempts: [{ outcome: 'rejected', statusCode: 500 }] })
    })

    it.each(['asc', 'desc'] as const)('is the same with little patience, page by page, %s', async (direction) => {
      const request = { sort: [{ field: 'created_at', direction }] as SortKey[], limit: 1 }
      const whole = await storage.deliveries.filter('filtered', { ...request, limit: 10 })
      const found: string[] = []
      for (let after: string | undefined, pages = 0; pages < 20; pages++) {
        const page = await storage.deliveries.filter('filtered', { ...request, after, patienceMs: 20 })
        found.push(...page.rows.map((row) => row.id))
        if (page.nextCursor === null) break
        after = page.nextCursor
      }

      expect(found).toEqual(whole.rows.map((row) => row.id))
      expect(found).toHaveLength(ids.length)
    })

    it('counts no further than it is asked to, and says so', async () => {
      expect(await storage.deliveries.count('filtered', undefined, { upTo: 2 })).toEqual({ count: 2, exact: false })
      expect(await storage.deliveries.count('filtered', undefined, { upTo: 3, patienceMs: 1_000 })).toEqual({ count: 3, exact: true })
    })

    it('refuses to be impatient in an order that has no pieces', async () => {
      const sort: SortKey[] = [{ field: 'status', direction: 'asc' }]

      await expect(storage.deliveries.filter('filtered', { sort, limit: 1, patienceMs: 50 })).rejects.toMatchObject({
        errors: [{ field: 'patience_ms' }],
      })
    })

    it('takes a cursor with the filter and sort that it belongs to, unchanged, and with no other', async () => {
      const filter: Filter = { field: 'source', op: 'eq', value: 'api' }
      const sort: SortKey[] = [{ field: 'status', direction: 'desc' }]
      const { nextCursor } = await storage.deliveries.filter('filtered', { filter, sort, limit: 1 })
      const after = nextCursor as string
      const ask = (request: object) => storage.deliveries.filter('filtered', { filter, sort, limit: 1, after, ...request })

      expect((await ask({})).rows).toHaveLength(1)
      for (const wrong of [
        { filter: undefined },
        { filter: { field: 'source', op: 'eq', value: 'another' } },
        { sort: [{ field: 'status', direction: 'asc' }] },
        { after: `${after.slice(0, -3)}${after.endsWith('AAA') ? 'BBB' : 'AAA'}` },
        { after: `${after}!` },
        { after: after.slice(1) },
        { after: '' },
        { after: Buffer.from('["",[1]]').toString('base64url') },
      ]) {
        const refused = await ask(wrong).then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(refused, JSON.stringify(wrong)).toBeInstanceOf(Problem)
        expect((refused as Problem).errors?.[0]?.field).toBe('after')
      }
    })

    const nested = (depth: number): Filter => (depth === 0 ? { field: 'status', op: 'eq', value: 'failed' } : { and: [nested(depth - 1)] })
    const many = (count: number): Filter => ({ or: Array.from({ length: count }, () => nested(0)) })
    it.each<[string, object, string]>([
      ['an unknown field', { filter: { field: 'statu', op: 'eq', value: 'failed' } }, 'filter.field'],
      ['a field of the prototype', { filter: { field: 'constructor', op: 'eq', value: 'failed' } }, 'filter.field'],
      ['SQL for a field', { filter: { field: 'id" or 1=1 --', op: 'eq', value: 'failed' } }, 'filter.field'],
      ['a status that there is not', { filter: { field: 'status', op: 'eq', value: 'lost' } }, 'filter.value'],
      ['a number for a text', { filter: { and: [nested(0), { field: 'event_type', op: 'eq', value: 7 }] } }, 'filter.and[1].value'],
      ['a text for a number', { filter: { or: [{ field: 'attempts', op: 'gt', value: '7' }] } }, 'filter.or[0].value'],
      ['a number for a time', { filter: { field: 'created_at', op: 'lt', value: 7 } }, 'filter.value'],
      ['a day that there is not', { filter: { field: 'created_at', op: 'lt', value: '2026-02-30T00:00:00Z' } }, 'filter.value'],
      ['an array with eq', { filter: { field: 'status', op: 'eq', value: ['failed'] } }, 'filter.value'],
      ['no array with in', { filter: { field: 'status', op: 'in', value: 'failed' } }, 'filter.value'],
      ['a wrong value within an array', { filter: { field: 'attempts', op: 'in', value: [1, 'x'] } }, 'filter.value[1]'],
      ['null with lt', { filter: { field: 'attempts', op: 'lt', value: null } }, 'filter.value'],
      ['like on a time', { filter: { field: 'created_at', op: 'like', value: '2026' } }, 'filter.op'],
      ['a text with is_null', { filter: { field: 'reason', op: 'is_null', value: 'yes' } }, 'filter.value'],
      ['U+0000 in a text', { filter: { field: 'reason', op: 'like', value: 'a\0b' } }, 'filter.value'],
      ['more than ten levels', { filter: nested(11) }, `filter${'.and[0]'.repeat(10)}`],
      ['more than a hundred conditions', { filter: { and: [many(50), many(50), nested(0)] } }, 'filter'],
      ['an unknown field to sort by', { sort: [{ field: 'nothing', direction: 'asc' }] }, 'sort[0].field'],
      [
        'a field to sort by twice',
        {
          sort: [
            { field: 'status', direction: 'asc' },
            { field: 'status', direction: 'desc' },
          ],
        },
        'sort[1].field',
      ],
    ])('refuses %s and names the field', async (_, request, field) => {
      const refused = await storage.deliveries.filter('filtered', { limit: 10, ...request }).then(
        () => undefined,
        (error: unknown) => error,
      )

      expect(refused).toBeInstanceOf(Problem)
      expect((refused as Problem).errors?.map((error) => error.field)).toEqual([field])
    })

    it('takes ten levels and a hundred conditions', async () => {
      expect(await storage.deliveries.count('filtered', nested(10))).toEqual({ count: 1, exact: true })
      expect(await storage.deliveries.count('filtered', { or: [many(50), many(50)] })).toEqual({ count: 1, exact: true })
    })
  })

  it('tallies what was accepted within a time, by what became of it', async () => {
    const webhookId = await storeWebhook(storage, 'tally')
    for (const ending of ['pending', 'succeeded', 'succeeded', 'failed'] as const) await storeDelivery(storage, 'tally', webhookId, ending)
    await storeDelivery(storage, 'tally', webhookId, 'failed', someTime + 60_000)
    const unmatched = aNewEvent({ organizationId: 'tally' })
    await storage.events.accept({ events: [unmatched, aNewEvent({ organizationId: 'tally' })], organizationId: 'tally', now: someTime })
    await storage.events.markFannedOut([{ id: unmatched.envelope.id, matched: 0 }], someTime)

    const tally = await storage.deliveries.tally('tally', { from: someTime, to: someTime + 60_000 })

    expect(tally).toEqual({
      events: 6,
      matched: 4,
      matchedNothing: 1,
      notFannedOut: 1,
      states: { pending: 1, retrying: 0, succeeded: 2, failed: 1, cancelled: 0 },
      attempts: 3,
    })
  })
})
