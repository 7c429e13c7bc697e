import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { Filter } from '../../shared/contracts/filter.ts'
import { anEvent } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { withSystem, type System } from '../support/system.ts'

const concurrency = 8
const patienceMs = 60_000

/** As if that time had passed: retries that are due in an hour are due in a moment. */
function letTimePass(system: System): number {
  const db = new Database(system.database)
  try {
    db.pragma('busy_timeout = 10000')
    const soon = db.prepare("UPDATE deliveries SET next_attempt_at = ? WHERE state = 'retrying' AND next_attempt_at > ?")
    return soon.run(Date.now() + 6_000, Date.now() + 600_000).changes
  } finally {
    db.close()
  }
}

const crash = ({ dispatchers, status }: System) => Promise.all([...dispatchers, status].map((one) => one.kill()))
const recover = ({ dispatchers, status }: System) => Promise.all([...dispatchers, status].map((one) => one.start()))

describe('deliveries that wait in SQL', () => {
  it('are all made, although dispatcher and status die while they are put there and while they come back', { timeout: 240_000 }, () =>
    withSystem({ settings: { CONCURRENCY: String(concurrency) } }, async (system) => {
      const { api, receiver } = system
      const webhook = await api.createWebhook({ url: receiver.url, max_in_flight: 4 })
      await api.subscribe(webhook.id, '*')
      const isOurs: Filter = { field: 'webhook_id', op: 'eq', value: webhook.id }
      const count = (...more: Filter[]) => api.count({ and: [isOurs, ...more] })
      const held: Filter[] = [
        { field: 'status', op: 'eq', value: 'pending' },
        { field: 'next_attempt_at', op: 'is_null', value: true },
      ]
      receiver.reply({ status: 503, headers: { 'retry-after': '3600' } })
      const ids: string[] = []
      while (ids.length < 3_000) ids.push(...(await api.publish(Array.from({ length: 100 }, () => anEvent()))))

      await eventually(async () => expect(await count(...held)).toBeGreaterThan(300), patienceMs)
      await crash(system)
      await recover(system)
      await eventually(async () => expect(await count(...held)).toBeGreaterThan(1_800), patienceMs)
      const refused = receiver.requests.length
      const filter = { and: [isOurs, ...held] }
      const { data } = await api.steer<{ data: { id: string }[] }>(200, 'POST', '/webhook-deliveries/filter', { filter, limit: 1 })
      expect(await api.delivery(data[0]?.id as string)).toMatchObject({ held: true, next_attempt_at: null, attempts: 0, attempt_log: [] })

      receiver.reply(200)
      await api.patchWebhook(webhook.id, { label: 'well again' })
      await eventually(async () => expect(await count({ field: 'status', op: 'eq', value: 'succeeded' })).toBeGreaterThan(700), patienceMs)
      await crash(system)
      // those that were answered 503
      expect(letTimePass(system)).toBeGreaterThan(0)
      await recover(system)

      await eventually(async () => expect(await count({ field: 'status', op: 'eq', value: 'succeeded' })).toBe(3_000), patienceMs)
      const taken = receiver.requests.slice(refused).map(({ id }) => id)
      expect(new Set(taken)).toEqual(new Set(ids))
      // at most what was under way when the dispatcher died
      expect(taken.length - ids.length).toBeLessThanOrEqual(concurrency)
      expect(await api.steer(200, 'GET', '/ledger')).toMatchObject({ balanced: true, accepted: 3_000, delivered: 3_000 })
    }),
  )
})
