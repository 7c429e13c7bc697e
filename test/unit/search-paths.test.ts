import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Filter } from '../../shared/contracts/filter.ts'
import { migrate, openDatabase, type Db } from '../../shared/storage/sqlite/database.ts'
import { reads } from '../../shared/storage/sqlite/delivery-log.ts'
import * as redeliveries from '../../shared/storage/sqlite/redeliveries.ts'
import * as webhooks from '../../shared/storage/sqlite/webhooks.ts'
import { anId, aWebhook } from '../support/builders.ts'

let db: Db
beforeAll(() => {
  db = openDatabase(':memory:', { readOnly: false })
  migrate(db)
})
afterAll(() => db.$client.close())

/** How SQLite goes about what touches `deliveries`. */
function pathsOf(run: () => unknown): string[] {
  const texts: string[] = []
  const prepare = db.$client.prepare.bind(db.$client)
  db.$client.prepare = ((text: string) => {
    texts.push(text)
    return prepare(text)
  }) as typeof prepare
  try {
    run()
  } finally {
    db.$client.prepare = prepare
  }
  const explained = texts.map((text) => prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`))
  const plans = explained.flatMap((plan, i) => plan.all(...Array.from({ length: texts[i]?.match(/\?/g)?.length ?? 0 }, () => 'x')))
  return plans.map(({ detail }) => detail).filter((detail) => /^(SEARCH|SCAN) deliveries USING/.test(detail))
}

const organization = 'org'
const ofWebhook: Filter = { field: 'webhook_id', op: 'eq', value: anId() }
const failed: Filter = { field: 'status', op: 'in', value: ['failed'] }
const ofWebhookAnd = (...more: Filter[]): Filter => ({ and: [ofWebhook, ...more] })

describe('searches of the log go along an index that fits them', () => {
  it.each<[string, Filter, string]>([
    ['a webhook', ofWebhook, 'deliveries_webhook'],
    ['what it did not get', ofWebhookAnd(failed), 'deliveries_failed'],
    ['one answer to it', ofWebhookAnd(failed, { field: 'last_status_code', op: 'eq', value: 500 }), 'deliveries_failed'],
    ['one table for it', ofWebhookAnd(failed, { field: 'subject', op: 'eq', value: 'orders' }), 'deliveries_failed'],
    ['what waits for it', ofWebhookAnd({ field: 'status', op: 'eq', value: 'pending' }), 'deliveries_webhook'],
    ['a status', failed, 'deliveries_state'],
  ])('by %s', (_, filter, index) => {
    const log = reads(db)
    const ways = {
      page: () => log.filter(organization, { filter, limit: 50 }),
      patient: () => log.filter(organization, { filter, limit: 50, patienceMs: 100 }),
      counted: () => log.count(organization, filter),
    }
    for (const [way, run] of Object.entries(ways)) expect([way, pathsOf(run)[0]]).toEqual([way, expect.stringContaining(` ${index} `)])
  })

  it.each<[string, Filter, string]>([
    ['a webhook', ofWebhook, 'deliveries_webhook'],
    ['what it did not get', ofWebhookAnd(failed), 'deliveries_failed'],
  ])('to deliver %s again, from the first piece on', (_, filter, index) => {
    const { create, advance } = redeliveries.writes(db)
    const { count } = redeliveries.reads(db)
    const id = anId()
    expect(pathsOf(() => count({ organizationId: organization, filter }))).toEqual([expect.stringContaining(` ${index} `)])
    create({ id, organizationId: organization, filter, before: 1, matched: 1 }, 1)
    expect(pathsOf(() => advance(id, 50, 1))[0]).toContain(` ${index} `)
  })

  it('to remove a webhook, through what is open alone', () => {
    const { create, remove } = webhooks.writes(db)
    const webhook = aWebhook({ organizationId: organization })
    create(webhook)
    expect(pathsOf(() => remove(organization, webhook.id, 1))).toEqual(['SCAN deliveries USING INDEX deliveries_open'])
  })
})
