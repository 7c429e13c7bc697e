import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStorage } from '../../shared/storage/open.ts'
import type { ApiKey, NewEvent, Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, aSubscription, aWebhook, anEntry, anId, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { createDatabase } from '../support/postgres.ts'
import { hasRealPostgres, realPostgres, reason } from '../support/real-postgres.ts'

/** What two processes do at the same moment: each has a storage of its own, over one database. */
describe.skipIf(!hasRealPostgres)(`two processes on one Postgres${reason}`, () => {
  let close: () => Promise<void>
  let one: Storage
  let other: Storage
  beforeAll(async () => {
    const server = await realPostgres()
    const database = await createDatabase(server.url)
    one = await openStorage(database.url)
    other = await openStorage(database.url)
    close = async () => {
      await Promise.all([one.close(), other.close()])
      await database.drop()
      await server.stop()
    }
  })
  afterAll(() => close?.())

  /** Often enough that they meet in the middle. */
  const rounds = Array.from({ length: 25 }, (_, round) => round)
  const together = <T>(...calls: [(storage: Storage) => Promise<T>, (storage: Storage) => Promise<T>]): Promise<[T, T]> =>
    Promise.all([calls[0](one), calls[1](other)])
  const twice = <T>(call: (storage: Storage) => Promise<T>) => together(call, call)

  it('migrate a new database together, once', async () => {
    const server = await realPostgres()
    const database = await createDatabase(server.url)

    const both = await Promise.all([openStorage(database.url), openStorage(database.url)])

    expect(await Promise.all(both.map((storage) => storage.keys.count()))).toEqual([0, 0])
    await Promise.all(both.map((storage) => storage.close()))
    await database.drop()
    await server.stop()
  })

  it('keep the chain of the audit log whole, each organization its own', async () => {
    const row = (organizationId: string, n: number) => ({
      organizationId,
      at: someTime + n,
      actor: 'key',
      actorLabel: 'a\0label',
      action: 'webhook.updated',
      targetType: 'webhook',
      targetId: anId(),
      before: { label: `before ${n}`, odd: 'a\0b' },
      after: null,
      requestId: null,
    })
    const writes = Array.from({ length: 60 }, (_, n) =>
      (n % 2 === 0 ? one : other).audit.append(row(n % 3 === 0 ? 'chained' : 'chained too', n)),
    )
    await Promise.all(writes)

    for (const [organizationId, rows] of [
      ['chained', 20],
      ['chained too', 40],
    ] as const) {
      const check = await other.audit.verify(organizationId, { seq: 0, hash: '', rows: 0 }, 1_000)
      expect(check).toMatchObject({ rows, brokenAt: null, done: true })
    }
  })

  it('never take the last two admins of an organization away together', async () => {
    for (const round of rounds) {
      const organizationId = `admins ${round}`
      const [a, b] = [await makeKey(organizationId), await makeKey(organizationId)]

      const results = await together<unknown>(
        (storage) => storage.keys.remove(organizationId, a.id, someTime),
        (storage) => storage.keys.update(organizationId, b.id, { scopes: ['read'] }, someTime),
      )

      expect(results.filter((result) => result === 'last admin')).toHaveLength(1)
      expect((await one.keys.list(organizationId)).filter(({ scopes }) => scopes.includes('admin'))).toHaveLength(1)
    }
  })

  async function makeKey(organizationId: string): Promise<ApiKey> {
    const key: ApiKey = {
      id: anId(),
      organizationId,
      label: 'a key',
      scopes: ['admin'],
      createdAt: someTime,
      expiresAt: null,
      lastUsedAt: null,
      rateLimit: null,
      previousExpiresAt: null,
    }
    await one.keys.create(key, anId())
    return key
  }

  it('open one session with one link', async () => {
    const { id: keyId } = await makeKey('linked')
    for (const _ of rounds) {
      const times = { createdAt: someTime, expiresAt: someTime + 10 }
      const link = { id: anId(), kind: 'link' as const, keyId, organizationId: 'linked', ...times }
      await one.sessions.create(link)

      const results = await twice((storage) => storage.sessions.redeem(link.id, { id: anId(), ...times }))

      expect(results.filter((result) => result !== undefined)).toHaveLength(1)
    }
  })

  it('never close a loop together, though each alone would be none', async () => {
    for (const _ of rounds) {
      const [a, b] = [aWebhook({ organizationId: 'loops' }), aWebhook({ organizationId: 'loops' })]
      for (const webhook of [a, b]) await one.webhooks.create(webhook)

      const results = await Promise.allSettled([
        one.webhooks.update('loops', a.id, { triggers: [b.id] }, someTime),
        other.webhooks.update('loops', b.id, { fallback: a.id }, someTime),
      ])

      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect((results.find(({ status }) => status === 'rejected') as PromiseRejectedResult).reason).toMatchObject({ code: 'invalid' })
    }
  })

  it('count every change of the registry', async () => {
    const before = await one.webhooks.registryVersion()
    const webhooks = Array.from({ length: 30 }, () => aWebhook({ organizationId: 'counted' }))
    await Promise.all(webhooks.map((webhook, i) => (i % 2 === 0 ? one : other).webhooks.create(webhook)))

    expect(await other.webhooks.registryVersion()).toBe(before + webhooks.length)
    const { version, subscriptions } = await one.subscriptions.inForce()
    expect([version, subscriptions]).toEqual([before + webhooks.length, []])
  })

  it('give one name to one, and add one wish once', async () => {
    for (const round of rounds) {
      const at = { createdAt: someTime, updatedAt: someTime }
      const parts = { adapter: 'generic', scheme: null, schemeParams: {}, settings: {}, lookup: null, collect: null }
      const source = { organizationId: 'named', name: `source ${round}`, secrets: [], namedSecrets: [], ...parts, ...at }
      expect((await twice((storage) => storage.sources.create({ ...source, id: anId() }))).filter(Boolean)).toHaveLength(1)

      const stored = { name: `entity ${round}`, entity: { headers: {} } as never, revision: 1, updatedAt: someTime, updatedBy: 'x' }
      const make = (storage: Storage) =>
        storage.openMetadata.create({
          webhook: aWebhook({ organizationId: 'named' }),
          subscriptions: [],
          stored,
          snapshot: { revision: 1, shown: {} },
        })
      expect((await twice(make)).filter(Boolean)).toHaveLength(1)

      const webhook = aWebhook({ organizationId: 'named' })
      await one.webhooks.create(webhook)
      const wish = { organizationId: 'named', webhookId: webhook.id, eventType: 'table.*' }
      const [first, second] = await twice((storage) => storage.subscriptions.add(aSubscription(wish)))
      expect(first?.id).toBe(second?.id)
    }
  })

  it('never leave a person with a webhook that is gone', async () => {
    for (const round of rounds) {
      const webhook = aWebhook({ organizationId: 'people' })
      await one.webhooks.create(webhook)
      const entry = anEntry({ organizationId: 'people', name: `person ${round}`, webhookId: webhook.id })

      await Promise.allSettled([one.directory.put(entry), other.webhooks.remove('people', webhook.id, someTime)])

      expect((await one.directory.find('people', 'user', entry.name))?.webhookId ?? null).toBeNull()
    }
  })

  const keyed = (dedupKey: string, bodyHash = 'same'): NewEvent => ({ ...aNewEvent(), dedupKey, bodyHash })
  const accept = (event: NewEvent, idempotency?: { key: string; bodyHash: string }) => (storage: Storage) =>
    storage.events.accept({ events: [event], organizationId: 'org', idempotency, now: someTime })

  it('store one event however often its id comes, and tell one of them where the body is another', async () => {
    for (const round of rounds) {
      const results = await together(accept(keyed(`same ${round}`)), accept(keyed(`same ${round}`)))
      const events = results.flatMap((result) => (result.kind === 'accepted' ? result.events : []))
      expect(events.map(({ duplicate }) => duplicate).sort()).toEqual([false, true])
      expect(new Set(events.map(({ id }) => id)).size).toBe(1)

      const clash = await together(accept(keyed(`other ${round}`)), accept(keyed(`other ${round}`, 'another body')))
      expect(clash.map(({ kind }) => kind).sort()).toEqual(['accepted', 'conflict'])
    }
  })

  it('carry out a request with one idempotency key once', async () => {
    for (const round of rounds) {
      const key = `key ${round}`
      const same = await together(accept(aNewEvent(), { key, bodyHash: 'same' }), accept(aNewEvent(), { key, bodyHash: 'same' }))
      const ids = same.flatMap((result) => (result.kind === 'accepted' ? result.events.map(({ id }) => id) : []))
      expect([ids.length, new Set(ids).size]).toEqual([2, 1])

      const clash = await together(
        accept(aNewEvent(), { key: `other ${round}`, bodyHash: 'same' }),
        accept(aNewEvent(), { key: `other ${round}`, bodyHash: 'another' }),
      )
      expect(clash.map(({ kind }) => kind).sort()).toEqual(['accepted', 'conflict'])
    }
  })

  it('receive a partial event once, and one more look after its content came again', async () => {
    for (const round of rounds) {
      const members = { organizationId: 'org', source: 'hubspot', dedupKey: `content ${round}`, bodyHash: 'same' }
      const rest = { draft: { type: 'company.creation' }, raw: Buffer.from('{}'), headers: {}, receivedAt: someTime }
      const partial = () => ({ id: anId(), ...members, ...rest })
      const batch = [partial(), { ...partial(), dedupKey: `second ${round}` }]

      const results = await together(
        (storage) => storage.partials.receive(batch, 'content'),
        (storage) => storage.partials.receive([partial(), partial()], 'content'),
      )

      const received = results.flatMap((result) => (result.kind === 'received' ? result.partials : []))
      const ids = [received[0], received[2], received[3]].map((found) => found?.id)
      expect(new Set(ids).size).toBe(1)
      expect(received.filter(({ duplicate }) => !duplicate)).toHaveLength(2)
      expect((await one.partials.load(ids[0] as string))?.receivedAt).toBe(someTime + 2)
    }
  })

  it('change one entity of a view from what it was, one of them', async () => {
    for (const round of rounds) {
      const change = (storage: Storage) =>
        storage.collect.apply(
          {
            organizationId: 'org',
            source: `view ${round}`,
            expected: [{ entityId: '1', seq: null }],
            versions: [
              { entityId: '1', hash: anId(), deleted: false, entity: '{}' },
              { entityId: anId(), hash: '', deleted: false, entity: '{}' },
            ],
            scanId: null,
            seen: [],
            scan: null,
            partial: null,
          },
          { events: [aNewEvent()], now: someTime },
        )
      expect((await twice(change)).map(({ kind }) => kind).sort()).toEqual(['accepted', 'stale'])
      expect((await one.collect.page('org', `view ${round}`, { since: 0, limit: 9 })).map(({ seq }) => seq)).toEqual([1, 2])
    }
  })

  it('record the same outcomes once, and open each redelivery once', async () => {
    for (const round of rounds.slice(0, 10)) {
      const organizationId = `log ${round}`
      const webhookId = await storeWebhook(one, organizationId)
      const event = aNewEvent({ organizationId })
      await one.events.accept({ events: [event], organizationId, now: someTime })
      const delivery = { ...aDelivery(event.envelope.id, webhookId), organizationId }
      await twice((storage) => storage.deliveries.create([delivery], someTime))
      const start = aStart(delivery)

      await twice((storage) => storage.deliveries.record([start, anEnd(start, 200)], someTime))

      const found = await one.deliveries.find(organizationId, delivery.id)
      expect(found?.attempts).toHaveLength(1)
      expect(found?.delivery).toMatchObject({ state: 'succeeded', attempts: 1 })

      for (let n = 0; n < 4; n++) await storeDelivery(one, organizationId, webhookId, 'failed')
      const id = anId()
      const filter = { field: 'status', op: 'eq' as const, value: 'failed' }
      await one.redeliveries.create({ id, organizationId, filter, before: someTime + 1_000, matched: 4 }, someTime + 1_000)
      const opened = (await twice((storage) => storage.redeliveries.advance(id, 4, someTime + 1_001))).flat()
      expect(new Set(opened.map((delivered) => delivered.id)).size).toBe(opened.length)
      expect(opened).toHaveLength(4)
    }
  })
})
