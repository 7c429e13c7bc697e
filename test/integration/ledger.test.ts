import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ledger } from '../../shared/contracts/api/ledger.ts'
import { aNewEvent, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
  status.clock.forward(1_000)
})
afterAll(() => status.close())

const iso = (ms: number) => encodeURIComponent(new Date(someTime + ms).toISOString())
const ledger = async (query = '', key?: string) =>
  (await status.call<Ledger>('GET', `/ledger${query}`, undefined, { ...(key && { key }) })).body

describe('the ledger', () => {
  it('accounts for every event of the last day, of one organization', async () => {
    const webhook = await storeWebhook(status.storage, 'org')
    for (const ending of ['succeeded', 'failed', 'pending'] as const) await storeDelivery(status.storage, 'org', webhook, ending)

    expect(await ledger()).toMatchObject({
      balanced: true,
      accepted: 3,
      delivered: 1,
      failed: 1,
      pending: 1,
      cancelled: 0,
      matched_nothing: 0,
      imbalances: { data: [], meta: { has_more: false } },
    })
    expect(await ledger('', await status.makeKey(['read'], 'stranger'))).toMatchObject({ balanced: true, accepted: 0 })
    expect(await ledger(`?from=${iso(1)}`)).toMatchObject({ accepted: 0 })
  })

  it('names events that do not add up, page by page', async () => {
    for (let i = 0; i < 3; i++) {
      const event = aNewEvent({ organizationId: 'lossy' }, someTime)
      await status.storage.events.accept({ events: [event], organizationId: 'lossy', now: someTime })
      await status.storage.events.markFannedOut([{ id: event.envelope.id, matched: 1 }], someTime)
    }
    const key = await status.makeKey(['read'], 'lossy')

    const first = await ledger('?limit=2', key)
    const second = await ledger(`?limit=2&after=${first.imbalances.meta.next_cursor}`, key)

    expect(first).toMatchObject({ balanced: false, accepted: 3, unbalanced: 3, imbalances: { meta: { has_more: true } } })
    expect(second.imbalances).toMatchObject({
      data: [{ reason: 'deliveries_missing', matched: 1, deliveries: 0 }],
      meta: { has_more: false },
    })
    expect(new Set([...first.imbalances.data, ...second.imbalances.data].map(({ event_id }) => event_id)).size).toBe(3)
  })

  it.each([
    ['a time that is none', '?from=yesterday', 'query.from'],
    ['a range that ends before it begins', `?from=${iso(1)}&to=${iso(0)}`, 'query.from'],
    ['a cursor that is none', '?after=abc', 'after'],
    ['a member that there is not', '?since=1', 'query.since'],
  ])('refuses %s', async (_, query, field) => {
    const answer = await status.call<{ errors: { field: string }[] }>('GET', `/ledger${query}`)

    expect(answer.status).toBe(422)
    expect(answer.body.errors.map((error) => error.field)).toEqual([field])
  })
})
