import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../infra/transfer.ts'
import { openStorage } from '../../shared/storage/open.ts'
import type { ApiKey, NewEvent, Source, Storage } from '../../shared/storage/storage.ts'
import { transfer, type Step } from '../../shared/storage/transfer/transfer.ts'
import { aNewEvent, aSubscription, aWebhook, anEntry, anId, fast, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { createDatabase, type Cluster } from '../support/postgres.ts'
import { hasRealPostgres, realPostgres, reason } from '../support/real-postgres.ts'

const org = 'org'
const at = { createdAt: someTime, updatedAt: someTime }
const aKey = (members: Partial<ApiKey> = {}): ApiKey => ({
  id: anId(),
  organizationId: org,
  label: 'a key',
  scopes: ['admin', 'read'],
  createdAt: someTime,
  expiresAt: null,
  lastUsedAt: null,
  rateLimit: null,
  previousExpiresAt: null,
  ...members,
})
const aSource = (members: Partial<Source> = {}): Source => {
  const parts = { adapter: 'generic', scheme: null, schemeParams: { b: 1, a: [true] }, settings: {}, lookup: null, collect: null }
  return { id: anId(), organizationId: org, name: 'crm', secrets: ['sealed'], namedSecrets: [], ...parts, ...at, ...members }
}
const keyed = (dedupKey: string, members: Partial<NewEvent> = {}): NewEvent => ({
  ...aNewEvent(),
  dedupKey,
  bodyHash: dedupKey,
  ...members,
})
const auditRow = (n: number) => ({
  organizationId: org,
  at: someTime + n,
  actor: 'key',
  actorLabel: null,
  action: 'webhook.updated',
  targetType: 'webhook',
  targetId: `webhook ${n}`,
  before: { z: 1, a: ['x', null], text: 'ä\u0001"\\' },
  after: null,
  requestId: null,
})

describe.skipIf(!hasRealPostgres)(`a transfer from SQLite to Postgres${reason}`, () => {
  let server: Cluster
  let folder: string
  beforeAll(async () => {
    server = await realPostgres()
    folder = await mkdtemp(join(tmpdir(), 'tidings-transfer-'))
  })
  afterAll(async () => {
    await server?.stop()
    if (folder) await rm(folder, { recursive: true })
  })

  const newFile = () => `sqlite:${join(folder, `${anId()}.db`)}`
  const carry = (from: string, to: string, tell: (step: Step) => void = () => {}) => transfer({ from, to, tell })

  /** Something of everything, written as services write it. */
  async function fill(storage: Storage): Promise<{ webhooks: string[]; deliveries: string[]; events: string[] }> {
    await storage.keys.create(aKey({ id: 'the-key' }), 'hash')
    await storage.keys.create(aKey({ id: 'leaves', scopes: ['read'] }), 'hash of one that leaves')
    await storage.sources.create(aSource())
    await storage.eventTypes.put({ organizationId: org, name: 'table.updated', description: 'a\0b', schema: { type: 'object' }, ...at })
    const first = await storeWebhook(storage, org, { secrets: [{ sealed: 's', createdAt: 1, expiresAt: null }], order: 'entity' })
    const second = await storeWebhook(storage, org, { triggers: [first], fallback: first, label: 'second' })
    await storage.subscriptions.add(aSubscription({ webhookId: first, filters: { tags: ['x'] } }))
    await storage.directory.put(anEntry({ name: 'ada', webhookId: first }))
    for (const n of [1, 2, 3]) await storage.audit.append(auditRow(n))
    const deliveries = []
    for (const ending of ['pending', 'succeeded', 'failed'] as const)
      deliveries.push(await storeDelivery(storage, org, second, ending, someTime, { entity: { type: 'table', name: 'warehouse.orders' } }))
    const many = Array.from({ length: 2_300 }, (_, n) => keyed(`many ${n}`, { receivedAt: someTime + n }))
    for (let i = 0; i < many.length; i += 500)
      await storage.events.accept({ events: many.slice(i, i + 500), organizationId: org, now: someTime })
    const odd = keyed('odd', { raw: Buffer.from([0, 255, 10, 34]), data: { text: '{"a":"\\u0000"}' }, headers: { 'x-a': 'b' } })
    await storage.events.accept({ events: [odd], organizationId: org, idempotency: { key: 'once', bodyHash: 'b' }, now: someTime })
    const partial = { id: anId(), organizationId: org, source: 'crm', dedupKey: 'p', bodyHash: 'p', draft: { type: 'company' } }
    await storage.partials.receive([{ ...partial, raw: Buffer.from('{}'), headers: {}, receivedAt: someTime }], 'id')
    await change(storage, 'a', null)
    await storage.redeliveries.create({ id: 'redelivery', organizationId: org, filter: null, before: 1, matched: 0 }, someTime)
    return { webhooks: [first, second], deliveries: deliveries.map(({ id }) => id), events: [odd.envelope.id] }
  }

  const change = (storage: Storage, entityId: string, seq: number | null) =>
    storage.collect.apply(
      {
        organizationId: org,
        source: 'crm',
        expected: [{ entityId, seq }],
        versions: [{ entityId, hash: `h${seq}`, deleted: false, entity: '{"n":1.0}' }],
        scanId: null,
        seen: [],
        scan: null,
        partial: null,
      },
      { events: [aNewEvent()], now: someTime },
    )

  /** What people and services would read of it. */
  async function readAll(storage: Storage, { webhooks, deliveries, events }: Awaited<ReturnType<typeof fill>>) {
    const log = await storage.deliveries.filter(org, { limit: 200 })
    const accepted = await storage.events.filter(org, { limit: 200, sort: [{ field: 'id', direction: 'asc' }] })
    return {
      keys: await storage.keys.list(org),
      key: await storage.keys.findByHash('hash', someTime),
      sources: await storage.sources.list(org),
      eventType: { ...(await storage.eventTypes.find(org, 'table.updated')), description: null },
      webhooks: await Promise.all(webhooks.map((id) => storage.webhooks.load(id))),
      inForce: await storage.subscriptions.inForce(),
      person: await storage.directory.find(org, 'user', 'ada'),
      audit: await storage.audit.list(org, {}, { limit: 10 }),
      verified: await storage.audit.verify(org, { seq: 0, hash: '', rows: 0 }, 100),
      log: log.rows,
      deliveries: await Promise.all(deliveries.map((id) => storage.deliveries.find(org, id))),
      events: (await Promise.all(events.map((id) => storage.events.find(org, id)))).map((event) => ({
        ...event,
        raw: [...(event?.raw ?? [])],
      })),
      accepted: accepted.rows,
      waiting: (await storage.events.notFannedOut(Number.MAX_SAFE_INTEGER, 10_000)).length,
      partials: (await storage.partials.list(org, 'crm', { limit: 9 })).rows.map((row) => ({ ...row, raw: [...row.raw] })),
      view: await storage.collect.page(org, 'crm', { since: 0, limit: 9 }),
      redeliveries: await storage.redeliveries.list(org, { limit: 9 }),
    }
  }

  async function withBoth<T>(from: string, to: string, use: (sqlite: Storage, postgres: Storage) => Promise<T>): Promise<T> {
    const both = await Promise.all([openStorage(from), openStorage(to)])
    try {
      return await use(...both)
    } finally {
      await Promise.all(both.map((storage) => storage.close()))
    }
  }

  it('brings everything over, goes on where it was stopped, and brings what has changed since', async () => {
    const [from, database] = [newFile(), await createDatabase(server.url)]
    const sqlite = await openStorage(from)
    const made = await fill(sqlite)

    const stop = (step: Step) => {
      if (step.table === 'events' && step.done >= 1_000) throw new Error('stopped in the middle')
    }
    await expect(carry(from, database.url, stop)).rejects.toThrow('stopped in the middle')
    const second: Step[] = []
    const done = await carry(from, database.url, (step) => void second.push(step))

    expect(done).toMatchObject({ isComplete: true, wasWritten: false, auditBrokenIn: [] })
    const events = done.tables.find(({ table }) => table === 'events')
    expect(events).toMatchObject({ source: 2_305, target: 2_305, carried: 1_305 })
    await withBoth(from, database.url, async (one, other) => expect(await readAll(other, made)).toEqual(await readAll(one, made)))

    // what happens while the services go on
    const [first = '', next = ''] = made.webhooks
    await sqlite.webhooks.update(org, first, { label: 'renamed', retry: fast(2) }, someTime + 50)
    await sqlite.keys.remove(org, 'leaves', someTime)
    await sqlite.sources.remove(org, 'crm')
    await sqlite.sources.create(aSource({ adapter: 'hubspot' }))
    await change(sqlite, 'a', 1)
    await change(sqlite, 'b', null)
    const [pending = '', , failed = ''] = made.deliveries
    await sqlite.deliveries.redeliver(org, failed, someTime + 60)
    const open = (await sqlite.deliveries.find(org, pending))?.delivery
    const start = aStart({ ...aDelivery(open?.eventId as string, next), id: pending })
    await sqlite.deliveries.record([start, anEnd(start, 200)], someTime + 61)
    await sqlite.audit.append(auditRow(4))
    await sqlite.events.accept({ events: [keyed('later')], organizationId: org, now: someTime })

    const again = await carry(from, database.url)

    expect(again).toMatchObject({ isComplete: true, auditBrokenIn: [] })
    const carried = Object.fromEntries(again.tables.map(({ table, carried: rows }) => [table, rows]))
    // two that have changed, and the one that was triggered
    expect(carried).toMatchObject({ events: 3, deliveries: 3, attempts: 1, audit: 1, collected: 2 })
    await withBoth(from, database.url, async (one, other) => {
      expect(await readAll(other, made)).toEqual(await readAll(one, made))
      // and goes on from there
      await other.audit.append(auditRow(5))
      expect(await other.audit.verify(org, { seq: 0, hash: '', rows: 0 }, 100)).toMatchObject({ rows: 5, brokenAt: null })
      const known = await other.events.accept({ events: [keyed('many 7')], organizationId: org, now: someTime })
      expect(known).toMatchObject({ kind: 'accepted', events: [{ duplicate: true }] })
      const once = { key: 'once', bodyHash: 'b' }
      const repeated = await other.events.accept({ events: [keyed('new')], organizationId: org, idempotency: once, now: someTime })
      expect(repeated).toMatchObject({ events: [{ id: made.events[0], duplicate: true }] })
    })
    await sqlite.close()

    await expect(carry(from, database.url)).rejects.toThrow('services have worked with the target since')
    await database.drop()
  })

  it('is refused where something else would be lost, and leaves it as it is', async () => {
    const [from, other, database] = [newFile(), newFile(), await createDatabase(server.url)]
    for (const file of [from, other]) await (await openStorage(file)).close()
    await carry(from, database.url)

    await expect(carry(other, database.url)).rejects.toThrow('what another file has brought')
    await expect(carry(newFile(), database.url)).rejects.toThrow('there is no file')
    await expect(carry(database.url, from)).rejects.toThrow('--from must be')

    const filled = await createDatabase(server.url)
    const storage = await openStorage(filled.url)
    await storage.webhooks.create(aWebhook())
    await expect(carry(from, filled.url)).rejects.toThrow('in its table webhooks')
    expect((await storage.webhooks.list(org, { limit: 9 })).rows).toHaveLength(1)
    await storage.close()
    for (const one of [database, filled]) await one.drop()
  })

  it('says on the command line what it has done, and what is left', async () => {
    const [from, database] = [newFile(), await createDatabase(server.url)]
    const sqlite = await openStorage(from)
    await storeDelivery(sqlite, org, await storeWebhook(sqlite, org), 'succeeded')
    const run = async (...args: string[]) => {
      const said = { stdout: '', stderr: '' }
      const stream = (name: keyof typeof said) => ({ write: (text: string) => void (said[name] += text) })
      const code = await main(args, { DATABASE_URL: database.url }, { stdout: stream('stdout'), stderr: stream('stderr') })
      return { code, ...said }
    }

    const first = await run('--from', from)
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('deliveries: 1 carried, 1 there are') })
    expect(first.stdout).toContain('Nothing is left to carry')
    const second = await run('--from', from, '--json')
    expect(JSON.parse(second.stdout)).toMatchObject({ isComplete: true })
    expect(await run('--from', newFile())).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining('no file') })
    expect(await run('--from', from, '--to', 'postgres://nobody@127.0.0.1:1/none')).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('the target cannot be reached: '),
    })
    expect(await run('--form', from)).toMatchObject({ code: 2, stderr: expect.stringContaining('npm run transfer') })
    expect((await run('--help')).stdout).toContain('Stop everything')
    await sqlite.close()
    await database.drop()
  })
})
