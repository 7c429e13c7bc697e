import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiKey, Source, Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, aSubscription, aWebhook, anId, fast, someTime } from '../support/builders.ts'
import { aDelivery } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

const aKey = (members: Partial<ApiKey> = {}): ApiKey => ({
  id: anId(),
  organizationId: 'org',
  label: 'a key',
  scopes: ['read'],
  createdAt: someTime,
  expiresAt: null,
  lastUsedAt: null,
  rateLimit: null,
  previousExpiresAt: null,
  ...members,
})

const aSource = (members: Partial<Source> = {}): Source => ({
  id: anId(),
  organizationId: 'org',
  name: anId(),
  adapter: 'cloudevents',
  scheme: null,
  schemeParams: {},
  settings: {},
  lookup: null,
  collect: null,
  secrets: [],
  namedSecrets: [],
  createdAt: someTime,
  updatedAt: someTime,
  ...members,
})

describe.each(dialects)('the registry on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  describe('keys', () => {
    it('are found by their hash until they expire', async () => {
      const key = aKey({ expiresAt: someTime + 1000 })

      expect(await storage.keys.create(key, 'hash that expires')).toBe(true)

      expect(await storage.keys.findByHash('hash that expires', someTime + 999)).toEqual(key)
      expect(await storage.keys.findByHash('hash that expires', someTime + 1000)).toBeUndefined()
      expect(await storage.keys.findByHash('another hash', someTime)).toBeUndefined()
    })

    it('are not stored twice under one hash', async () => {
      await storage.keys.create(aKey(), 'taken hash')
      const before = await storage.keys.count()

      expect(await storage.keys.create(aKey(), 'taken hash')).toBe(false)
      expect(await storage.keys.count()).toBe(before)
      expect((await storage.keys.organizations()).filter((id) => id === aKey().organizationId)).toHaveLength(1)
    })

    it('are listed, used and removed within their organization', async () => {
      const key = aKey({ organizationId: 'keys' })
      await storage.keys.create(key, 'hash of keys')
      await storage.keys.touch(key.id, someTime + 5)

      expect(await storage.keys.list('keys')).toEqual([{ ...key, lastUsedAt: someTime + 5 }])
      expect(await storage.keys.remove('org', key.id, someTime)).toBe(false)
      expect(await storage.keys.remove('keys', key.id, someTime)).toBe(true)
      expect(await storage.keys.list('keys')).toEqual([])
    })
  })

  describe('sessions', () => {
    const aSession = (keyId: string, members = {}) => ({
      id: anId(),
      kind: 'session' as const,
      keyId,
      organizationId: 'org',
      createdAt: someTime,
      expiresAt: someTime + 10,
      ...members,
    })

    it('are found with their key until either expires', async () => {
      const key = aKey({ expiresAt: someTime + 20 })
      await storage.keys.create(key, anId())
      const session = aSession(key.id)
      await storage.sessions.create(session)

      expect(await storage.sessions.find(session.id, someTime + 9)).toEqual({ session, key })
      expect(await storage.sessions.find(session.id, someTime + 10)).toBeUndefined()
      await storage.sessions.extend(session.id, someTime + 30)
      expect(await storage.sessions.find(session.id, someTime + 19)).toEqual({ session: { ...session, expiresAt: someTime + 30 }, key })
      expect(await storage.sessions.find(session.id, someTime + 20)).toBeUndefined()
      expect(await storage.sessions.remove(session.id)).toBe(true)
      expect(await storage.sessions.remove(session.id)).toBe(false)
    })

    it('end with their key', async () => {
      const key = aKey()
      await storage.keys.create(key, anId())
      const session = aSession(key.id)
      await storage.sessions.create(session)
      await storage.keys.remove('org', key.id, someTime)

      expect(await storage.sessions.find(session.id, someTime)).toBeUndefined()
      expect(await storage.sessions.remove(session.id)).toBe(false)
    })

    it('are opened by a link, which is used up by it', async () => {
      const key = aKey()
      await storage.keys.create(key, anId())
      const link = aSession(key.id, { kind: 'link' })
      await storage.sessions.create(link)
      const opened = { id: anId(), createdAt: someTime + 1, expiresAt: someTime + 100 }

      expect(await storage.sessions.find(link.id, someTime)).toBeUndefined()
      const ids = [opened.id, anId()]
      const both = await Promise.all(ids.map((id) => storage.sessions.redeem(link.id, { ...opened, id })))
      const winner = both.findIndex((one) => one !== undefined)
      const id = ids[winner] as string
      expect(both[winner]).toEqual({ session: { ...link, ...opened, id, kind: 'session' }, key })
      expect(both[1 - winner]).toBeUndefined()
      expect((await storage.sessions.find(id, someTime + 2))?.key).toEqual(key)
      expect(await storage.sessions.redeem(id, { ...opened, id: anId() })).toBeUndefined()
    })
  })

  describe('sources', () => {
    it('have names that are unique in an organization and not beyond', async () => {
      const source = aSource({ name: 'catalog' })

      expect(await storage.sources.create(source)).toBe(true)
      expect(await storage.sources.create(aSource({ name: 'catalog' }))).toBe(false)
      expect(await storage.sources.create(aSource({ name: 'catalog', organizationId: 'other' }))).toBe(true)
      expect(await storage.sources.find('org', 'catalog')).toEqual(source)
    })

    it('are located by id, and by name while only one organization uses it', async () => {
      const [here, there] = [aSource({ name: 'shared' }), aSource({ name: 'shared', organizationId: 'other' })]
      await storage.sources.create(here)

      expect(await storage.sources.locate('shared')).toEqual(here)

      await storage.sources.create(there)
      expect(await storage.sources.locate('shared')).toBeUndefined()
      expect(await storage.sources.locate(there.id)).toEqual(there)
    })

    it('are changed and removed by their organization alone', async () => {
      const source = aSource({ name: 'changing' })
      await storage.sources.create(source)
      const change = { scheme: 'ptolemy', secrets: ['sealed'] }

      expect(await storage.sources.update('other', 'changing', change, someTime + 1)).toBeUndefined()
      expect(await storage.sources.update('org', 'changing', change, someTime + 1)).toEqual({
        ...source,
        ...change,
        updatedAt: someTime + 1,
      })
      expect(await storage.sources.remove('other', 'changing')).toBe(false)
      expect(await storage.sources.remove('org', 'changing')).toBe(true)
      expect(await storage.sources.find('org', 'changing')).toBeUndefined()
    })
  })

  it('replaces an event type and keeps when it was first registered', async () => {
    const eventType = {
      organizationId: 'types',
      name: 'table.updated',
      description: null,
      schema: null,
      createdAt: someTime,
      updatedAt: someTime,
    }
    await storage.eventTypes.put(eventType)
    const later = { ...eventType, schema: { type: 'object' }, createdAt: someTime + 9, updatedAt: someTime + 9 }
    await storage.eventTypes.put(later)

    expect(await storage.eventTypes.list('types')).toEqual([{ ...later, createdAt: someTime }])
    expect(await storage.eventTypes.find('org', 'table.updated')).toBeUndefined()
    expect(await storage.eventTypes.remove('types', 'table.updated')).toBe(true)
    expect(await storage.eventTypes.remove('types', 'table.updated')).toBe(false)
  })

  describe('webhooks', () => {
    it('are found in their organization until they are removed', async () => {
      const webhook = aWebhook()
      await storage.webhooks.create(webhook)

      expect(await storage.webhooks.find('org', webhook.id)).toEqual(webhook)
      expect(await storage.webhooks.find('other', webhook.id)).toBeUndefined()
      expect(await storage.webhooks.load(webhook.id)).toEqual(webhook)

      expect(await storage.webhooks.remove('other', webhook.id, someTime)).toBe(false)
      expect(await storage.webhooks.remove('org', webhook.id, someTime)).toBe(true)
      expect(await storage.webhooks.remove('org', webhook.id, someTime)).toBe(false)
      expect(await storage.webhooks.find('org', webhook.id)).toBeUndefined()
      expect(await storage.webhooks.load(webhook.id)).toBeUndefined()
    })

    it('are loaded many at a time, whoever owns them, without those that were removed or never were', async () => {
      const webhooks = Array.from({ length: 300 }, (_, n) => aWebhook({ organizationId: n % 2 === 0 ? 'even' : 'odd' }))
      for (const webhook of webhooks) await storage.webhooks.create(webhook)
      const [gone, twice, ...others] = webhooks.map(({ id }) => id) as [string, string, ...string[]]
      await storage.webhooks.remove('even', gone, someTime)

      const loaded = await storage.webhooks.loadAll([gone, twice, twice, ...others, 'never-was'])
      expect(new Map(loaded.map((one) => [one.id, one]))).toEqual(new Map(webhooks.slice(1).map((one) => [one.id, one])))
      expect([loaded.length, await storage.webhooks.loadAll([])]).toEqual([299, []])
    })

    it('are listed newest first, page by page', async () => {
      const webhooks = [1, 2, 3].map((n) => aWebhook({ organizationId: 'pages', createdAt: someTime + n }))
      for (const webhook of webhooks) await storage.webhooks.create(webhook)

      const first = await storage.webhooks.list('pages', { limit: 2 })
      const second = await storage.webhooks.list('pages', { limit: 2, after: first.nextCursor as string })

      expect([...first.rows, ...second.rows].map((one) => one.id)).toEqual(webhooks.map((one) => one.id).reverse())
      expect(second.nextCursor).toBeNull()
    })

    it('start afresh when they are switched on again', async () => {
      const webhook = aWebhook({ active: false, disabledReason: 'answered 410', consecutiveFailures: 3 })
      await storage.webhooks.create(webhook)

      const updated = await storage.webhooks.update('org', webhook.id, { active: true }, someTime + 1)

      expect(updated).toEqual({ ...webhook, active: true, disabledReason: null, consecutiveFailures: 0, updatedAt: someTime + 1 })
      expect(await storage.webhooks.update('other', webhook.id, { active: false }, someTime)).toBeUndefined()
    })

    it('are filtered by their status', async () => {
      const organizationId = 'statuses'
      const failing = aWebhook({ organizationId, consecutiveFailures: 1 })
      for (const webhook of [failing, aWebhook({ organizationId }), aWebhook({ organizationId, active: false })])
        await storage.webhooks.create(webhook)

      const page = await storage.webhooks.filter(organizationId, { filter: { field: 'status', op: 'eq', value: 'failing' }, limit: 10 })

      expect(page.rows).toEqual([failing])
    })

    it('take their subscriptions and open deliveries with them', async () => {
      const webhook = aWebhook({ organizationId: 'leaving' })
      const event = aNewEvent({ organizationId: 'leaving' })
      const delivery = { ...aDelivery(event.envelope.id, webhook.id), organizationId: 'leaving' }
      await storage.webhooks.create(webhook)
      await storage.subscriptions.add(aSubscription({ organizationId: 'leaving', webhookId: webhook.id }))
      await storage.events.accept({ events: [event], organizationId: 'leaving', now: someTime })
      await storage.deliveries.create([delivery], someTime)

      await storage.webhooks.remove('leaving', webhook.id, someTime + 7)

      expect(await storage.subscriptions.list('leaving', webhook.id)).toBeUndefined()
      const left = (await storage.deliveries.find('leaving', delivery.id))?.delivery
      expect(left).toMatchObject({ state: 'cancelled', reason: 'webhook removed', nextAttemptAt: null, updatedAt: someTime + 7 })
    })
  })

  describe('subscriptions', () => {
    const organizationId = 'subscribing'
    const webhook = aWebhook({ organizationId, retry: fast(1) })
    const wish = (eventType: string, members = {}) => aSubscription({ organizationId, webhookId: webhook.id, eventType, ...members })
    beforeAll(() => storage.webhooks.create(webhook))

    it('are one when they want the same', async () => {
      const first = wish('table.*', { filters: { tags: ['a', 'b'], domains: ['x'] } })

      expect(await storage.subscriptions.add(first)).toEqual(first)
      expect(await storage.subscriptions.add(wish('table.*', { filters: { domains: ['x'], tags: ['b', 'a'] } }))).toEqual(first)
      expect(await storage.subscriptions.add(wish('table.*', { filters: { domains: ['y'] } }))).not.toEqual(first)
    })

    it('need a webhook of the organization', async () => {
      const foreign = aSubscription({ organizationId: 'other', webhookId: webhook.id })

      expect(await storage.subscriptions.add(foreign)).toBeUndefined()
      expect(await storage.subscriptions.list('other', webhook.id)).toBeUndefined()
      expect(await storage.subscriptions.replace('other', webhook.id, [], someTime)).toBeUndefined()
    })

    it('keep their ids when the whole set is replaced and they stay', async () => {
      const [stays, goes] = [wish('stays'), wish('goes')]
      await storage.subscriptions.replace(organizationId, webhook.id, [stays, goes], someTime + 1)
      const comes = wish('comes')

      const set = await storage.subscriptions.replace(organizationId, webhook.id, [wish('stays'), comes, wish('comes')], someTime + 2)

      expect(set?.map((one) => one.id).sort()).toEqual([stays.id, comes.id].sort())
      expect(await storage.subscriptions.list(organizationId, webhook.id)).toEqual(set)
    })

    it('can be asked for as they were at a time', async () => {
      const other = aWebhook({ organizationId: 'history', label: 'once here' })
      const one = aSubscription({ organizationId: 'history', webhookId: other.id, createdAt: someTime })
      await storage.webhooks.create(other)
      await storage.subscriptions.add(one)

      expect(await storage.subscriptions.remove('history', other.id, one.id, someTime + 10)).toBe(true)
      expect(await storage.subscriptions.remove('history', other.id, one.id, someTime + 10)).toBe(false)
      await storage.webhooks.remove('history', other.id, someTime + 20)

      expect(await storage.subscriptions.inForceAt('history', someTime - 1)).toEqual([])
      expect(await storage.subscriptions.inForceAt('history', someTime + 9)).toEqual([
        { subscription: { ...one, deletedAt: someTime + 10 }, webhookLabel: 'once here', webhookUrl: other.url, webhookActive: false },
      ])
      expect(await storage.subscriptions.inForceAt('history', someTime + 10)).toEqual([])
    })

    it('are in force for the matcher while their webhook is active, with its retry policy', async () => {
      const active = wish('in.force')
      const sleeping = aWebhook({ organizationId, active: false })
      await storage.webhooks.create(sleeping)
      await storage.subscriptions.add(active)
      await storage.subscriptions.add(aSubscription({ organizationId, webhookId: sleeping.id, eventType: 'in.force' }))

      const { subscriptions, terms, version } = await storage.subscriptions.inForce()

      expect(subscriptions.filter((one) => one.eventType === 'in.force')).toEqual([active])
      expect(terms[webhook.id]?.retry).toEqual(webhook.retry)
      expect(terms[sleeping.id]).toBeUndefined()
      expect(version).toBe(await storage.webhooks.registryVersion())
    })
  })

  it('gets a new version with every change of a webhook, subscription or source, and with nothing else', async () => {
    const webhook = aWebhook({ organizationId: 'versions' })
    const subscription = aSubscription({ organizationId: 'versions', webhookId: webhook.id })
    const source = aSource({ organizationId: 'versions' })
    const changes: (() => Promise<unknown>)[] = [
      () => storage.webhooks.create(webhook),
      () => storage.webhooks.update('versions', webhook.id, { label: 'new' }, someTime),
      () => storage.subscriptions.add(subscription),
      () => storage.subscriptions.replace('versions', webhook.id, [], someTime),
      () => storage.sources.create(source),
      () => storage.sources.update('versions', source.name, { scheme: 'ptolemy' }, someTime),
      () => storage.sources.remove('versions', source.name),
      () => storage.webhooks.remove('versions', webhook.id, someTime),
    ]
    for (const change of changes) {
      const before = await storage.webhooks.registryVersion()
      await change()
      expect(await storage.webhooks.registryVersion()).toBeGreaterThan(before)
    }

    const before = await storage.webhooks.registryVersion()
    await storage.webhooks.update('versions', webhook.id, { label: 'too late' }, someTime)
    await storage.sources.remove('versions', source.name)
    await storage.keys.create(aKey(), 'no matter')
    expect(await storage.webhooks.registryVersion()).toBe(before)
  })
})
