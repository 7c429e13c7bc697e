import { inspect } from 'node:util'
import pg from 'pg'
import { v7 } from 'uuid'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openStorage } from '../../shared/storage/open.ts'
import { SchemaMismatch } from '../../shared/storage/schema-mismatch.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { createDatabase } from '../support/postgres.ts'
import { pglite, postgresUrl, type TestStorage } from '../support/storage.ts'

/** What is Postgres' own; the suites beside this one run on it like on every dialect. */
describe('Postgres in this process', () => {
  let opened: TestStorage
  beforeAll(async () => {
    opened = await pglite.open()
  })
  afterAll(() => opened.close())

  it('takes an event to the end of its delivery', async () => {
    const { storage } = opened
    const webhookId = await storeWebhook(storage, 'org')
    const delivery = await storeDelivery(storage, 'org', webhookId, 'succeeded')
    expect(await storage.deliveries.find('org', delivery.id)).toMatchObject({ delivery: { state: 'succeeded' }, attempts: [{ number: 1 }] })
    const filter = { field: 'payload', op: 'like', value: 'ROWS' } as const
    expect((await storage.deliveries.filter('org', { filter, limit: 10 })).rows.map(({ id }) => id)).toEqual([delivery.id])
    expect(await storage.ledger.read('org', { from: 0, to: someTime + 1 }, { most: 100, limit: 10 })).toMatchObject({ delivered: 1 })
  })
})

describe.runIf(postgresUrl)('Postgres', () => {
  let database: { url: string; drop(): Promise<void> }
  let client: pg.Client
  const opened: Storage[] = []
  const open = async (options?: Parameters<typeof openStorage>[1]) => {
    const storage = await openStorage(database.url, options)
    opened.push(storage)
    return storage
  }

  beforeEach(async () => {
    database = await createDatabase(postgresUrl as string)
    client = new pg.Client({ connectionString: database.url })
    await client.connect()
  })
  afterEach(async () => {
    await client.end()
    await Promise.all(opened.splice(0).map((storage) => storage.close()))
    await database.drop()
  })

  const partitionOf = async (table: string, id: string) =>
    (await client.query(`SELECT tableoid::regclass::text AS name FROM ${table} WHERE id = $1`, [id])).rows[0]?.name as string | undefined

  it('is brought up to date once, by however many at the same moment', async () => {
    await Promise.all([open(), open(), open()])
    expect((await client.query('SELECT hash FROM migrations')).rows).toHaveLength(2)
    await open({ migrations: 'check' })
  })

  it('is refused by who may not change it, in words that say what to do', async () => {
    await expect(open({ migrations: 'check' })).rejects.toThrow(/npm run migrate/)
    await expect(open({ migrations: 'check', readOnly: true })).rejects.toThrow(SchemaMismatch)
    await open()
    await client.query("INSERT INTO migrations VALUES ('of tomorrow', 0)")
    await expect(open({ migrations: 'check' })).rejects.toThrow(/newer version/)
    await expect(open()).rejects.toThrow(/newer version/)
    await client.query('DELETE FROM migrations')
    await expect(open({ migrations: 'check' })).rejects.toThrow(/2 migrations behind/)
  })

  it('lets a reader write nothing', async () => {
    await open()
    const reader = await open({ readOnly: true })
    await expect(reader.events.accept({ events: [aNewEvent()], organizationId: 'org', now: someTime })).rejects.toThrow()
  })

  it('keeps what came at one time in one partition of each table, and moves there what had to wait for it', async () => {
    const storage = await open()
    const now = Date.now()
    const late = now + 40 * 24 * 3_600_000
    const ids: Record<string, string>[] = []
    for (const at of [now, late]) {
      const event = aNewEvent({ id: v7({ msecs: at }) }, at)
      const delivery = aDelivery(event.envelope.id, 'webhook')
      await storage.events.accept({ events: [event], organizationId: 'org', now: at })
      await storage.deliveries.create([delivery], at)
      const start = aStart(delivery, { at })
      await storage.deliveries.record([start], at)
      ids.push({ events: event.envelope.id, deliveries: delivery.id, attempts: start.attemptId })
    }
    const [first, second] = ids as [Record<string, string>, Record<string, string>]
    const names = async (one: Record<string, string>) =>
      Promise.all(Object.entries(one).map(async ([table, id]) => (await partitionOf(table, id))?.replace(`${table}_`, '')))

    const [week] = await names(first)
    expect(week).toMatch(/^\d{8}$/)
    expect(await names(first)).toEqual([week, week, week])
    expect(await names(second)).toEqual(['default', 'default', 'default'])
    await storage.retention.prepare(late)
    const [later] = await names(second)
    expect(later).toMatch(/^\d{8}$/)
    expect(await names(second)).toEqual([later, later, later])
    expect(await storage.deliveries.find('org', second.deliveries as string)).toMatchObject({ attempts: [{ number: 1 }] })
  })

  it('takes an event once, whichever of several processes it comes to, at the same moment and over partitions', async () => {
    const storages = await Promise.all([open(), open(), open()])
    const many = Array.from({ length: 40 }, (_, i) => i)
    const results = await Promise.all(
      many.map((i) => {
        const id = v7({ msecs: Date.now() - (i % 4) * 7 * 24 * 3_600_000 })
        const event = { ...aNewEvent({ id }), dedupKey: `key ${i % 5}`, bodyHash: 'same' }
        const idempotency = { key: `request ${i % 10}`, bodyHash: 'same' }
        return (storages[i % 3] as Storage).events.accept({ events: [event], organizationId: 'org', idempotency, now: someTime })
      }),
    )
    const accepted = results.flatMap((result) => (result.kind === 'accepted' ? result.events : []))
    expect(accepted).toHaveLength(40)
    expect(accepted.filter(({ duplicate }) => !duplicate)).toHaveLength(5)
    expect(new Set(accepted.map(({ id }) => id)).size).toBe(5)
    expect((await client.query('SELECT id FROM events')).rows).toHaveLength(5)
  })

  it('records the outcomes that several processes bring of the same deliveries', async () => {
    const storages = await Promise.all([open(), open()])
    const [storage] = storages as [Storage, Storage]
    const webhookId = await storeWebhook(storage, 'org')
    const event = aNewEvent()
    await storage.events.accept({ events: [event], organizationId: 'org', now: someTime })
    const other = await storeWebhook(storage, 'org')
    const deliveries = [aDelivery(event.envelope.id, webhookId), aDelivery(event.envelope.id, other)]
    await storage.deliveries.create(deliveries, someTime)
    const starts = deliveries.map((delivery) => aStart(delivery))
    const entries = [...starts, ...starts.map((start) => anEnd(start, 200))]
    // both all of it, in opposite orders
    const told = await Promise.all([
      storages[0]?.deliveries.record(entries, someTime),
      storages[1]?.deliveries.record(entries.toReversed(), someTime),
    ])
    expect(told.flatMap((one) => one?.finishedEvents ?? [])).toContain(event.envelope.id)
    for (const { id } of deliveries)
      expect(await storage.deliveries.find('org', id)).toMatchObject({
        delivery: { state: 'succeeded', attempts: 1 },
        attempts: [{ number: 1 }],
      })
  })

  it('says nothing of the values of a statement that failed, and of a server that is away that it is', async () => {
    const storage = await open()
    const secret = 'a hash that no log may have'
    await client.query('ALTER TABLE api_keys RENAME TO gone')
    const fault = await storage.keys.findByHash(secret, someTime).catch((error: unknown) => error as Error)
    expect(fault).toMatchObject({ message: expect.stringMatching(/"api_keys" does not exist \(42P01\), in: select/) as string })
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain(secret)

    const nowhere = new URL(database.url)
    nowhere.pathname = '/no_such_database'
    await expect(openStorage(nowhere.href)).rejects.toThrow(/does not exist/)
    nowhere.searchParams.set('host', '/no/such/folder')
    await expect(openStorage(nowhere.href)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('holds any text, and finds what can be found in any bytes', async () => {
    const storage = await open()
    const webhookId = await storeWebhook(storage, 'org')
    const odd = 'half \ud800 and none \0'
    const event = { ...aNewEvent({ subject: odd }), raw: Buffer.from([0xff, 0xfe, ...Buffer.from('Grüße')]), dedupKey: odd }
    const accept = () => storage.events.accept({ events: [event], organizationId: 'org', now: someTime })
    expect(await accept()).toMatchObject({ events: [{ duplicate: false }] })
    expect(await accept()).toMatchObject({ events: [{ duplicate: true }] })
    const delivery = aDelivery(event.envelope.id, webhookId)
    await storage.deliveries.create([delivery], someTime)
    const start = aStart(delivery)
    const end = anEnd(start, 500)
    await storage.deliveries.record([start, { ...end, result: { ...end.result, responseBody: odd, responseHeaders: { odd } } }], someTime)

    expect((await storage.events.load(event.envelope.id))?.envelope.subject).toBe(odd)
    expect(await storage.deliveries.find('org', delivery.id)).toMatchObject({
      delivery: { subject: 'half \ufffd and none \ufffd' },
      attempts: [{ responseBody: 'half \ufffd and none \ufffd', responseHeaders: { odd } }],
    })
    const found = async (field: string, value: string) =>
      (await storage.deliveries.filter('org', { filter: { field, op: 'like', value }, limit: 10 })).rows.length
    expect(await found('payload', 'grüß')).toBe(1)
    expect(await found('payload', '303')).toBe(0)
    expect(await found('response', 'HALF')).toBe(1)
  })
})
