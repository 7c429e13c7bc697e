import { describe, expect, it } from 'vitest'
import { startIngest } from '../../services/ingest/service.ts'
import { ingestSettings } from '../../services/ingest/settings.ts'
import type { App } from '../../shared/http/app.ts'
import { createApiKey, createId, hashApiKey } from '../../shared/id.ts'
import { Lookup } from '../../shared/contracts/lookup.ts'
import { openVault } from '../../shared/secrets.ts'
import { readSettings } from '../../shared/settings.ts'
import type { PartialEvent, Source } from '../../shared/storage/storage.ts'
import { eventually } from '../support/eventually.ts'
import { useParts } from '../support/parts.ts'
import { startService } from '../support/processes.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'

const parts = useParts()
const masterKey = Buffer.alloc(32, 1)
const vault = openVault(masterKey)
const key = createApiKey()

/** Rows of CONTRACTS' table in the words of HubSpot's connector, which looks up what its events only name. */
const rules = { allowed_status_codes: '200,404', deletion: { property: 'subscriptionType', matches: 'company.deletion' } }

async function aSystem(): Promise<Receiver> {
  const system = await startReceiver()
  return parts().ending(system)
}

/** A source with a lookup at the system, and a key that may send to it. */
async function aSource(system: Receiver, lookup: Record<string, unknown> = {}, more: Partial<Source> = {}): Promise<Source> {
  const { storage } = parts()
  const id = createId()
  const { headers, ...parsed } = Lookup.parse({ url: `${system.url}companies/{id}`, base_seconds: 0.05, ...rules, ...lookup })
  const source: Source = {
    id,
    organizationId: 'org',
    name: 'crm',
    adapter: 'sesam',
    scheme: null,
    schemeParams: {},
    secrets: [],
    namedSecrets: [],
    settings: { datatype: 'company', id_from: ['objectId'] },
    lookup: { ...parsed, headers: Object.keys(headers).length > 0 ? vault.seal(JSON.stringify(headers), id) : null },
    collect: null,
    createdAt: 0,
    updatedAt: 0,
    ...more,
  }
  await storage.sources.create(source)
  const row = { id: 'key', organizationId: 'org', label: 'test', createdAt: 0, expiresAt: null, lastUsedAt: null, rateLimit: null }
  await storage.keys.create({ ...row, scopes: ['ingest'] }, hashApiKey(key))
  return source
}

const settingsOf = (allowed = '127.0.0.0/8') => ({
  REDIS_URL: parts().target.url,
  DATABASE_URL: 'sqlite:elsewhere',
  MASTER_KEY: masterKey.toString('base64'),
  ALLOWED_ADDRESSES: allowed,
})
async function ingest(allowed?: string): Promise<App> {
  const { storage, target, clock, log, ending } = parts()
  const settings = readSettings(ingestSettings, settingsOf(allowed))
  return ending(await startIngest({ settings, storage, redis: target, vault, log, clock })).app
}

const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
const send = (app: App, events: unknown) => app.request('/sources/crm/events', { method: 'POST', headers, body: JSON.stringify(events) })
const change = (id: string, what = 'propertyChange') => ({ objectId: id, subscriptionType: `company.${what}` })

const all = async () => (await parts().storage.partials.list('org', 'crm', { limit: 100 })).rows
/** The one partial event of the source, once it is in that state. */
const ended = (state: PartialEvent['state'], withinMs?: number) =>
  eventually(async () => {
    const [partial, ...others] = await all()
    expect(others).toEqual([])
    expect(partial).toMatchObject({ state })
    return partial as PartialEvent
  }, withinMs)
/** How many events there are. */
const events = async () => (await parts().storage.deliveries.tally('org', { from: 0, to: Number.MAX_SAFE_INTEGER })).events
const eventOf = async ({ eventId }: PartialEvent) => {
  const stored = await parts().storage.events.load(eventId as string)
  return { type: stored?.envelope.type, id: stored?.envelope.entity?.id, data: JSON.parse(stored?.data ?? 'null') as unknown }
}
const company = { status: 200, body: '{"id":"7","name":"Avisa"}' }

describe('a partial event', () => {
  it.each([
    ['deletion', 404, { type: 'company.deleted', id: '7', data: { _id: '7', _deleted: true } }],
    ['deletion', 200, { type: 'company.deleted', id: '7', data: { _id: '7', _deleted: true, id: '7', name: 'Avisa' } }],
    ['propertyChange', 200, { type: 'company.updated', id: '7', data: { _id: '7', id: '7', name: 'Avisa' } }],
  ])('of a %s, the lookup of which is answered %i, becomes an event', async (what, status, expected) => {
    const system = await aSystem()
    system.reply({ ...company, status })
    await aSource(system, { headers: { authorization: 'Bearer of-the-system' } })
    const app = await ingest()

    expect((await send(app, change('7', what))).status).toBe(200)

    const partial = await ended('accepted')
    expect(partial).toMatchObject({ attempts: 1, lastStatusCode: status, nextAttemptAt: null })
    expect(await eventOf(partial)).toEqual(expected)
    expect(system.requests[0]).toMatchObject({ path: '/companies/7', headers: { authorization: 'Bearer of-the-system' } })
  })

  it('of any other kind is discarded when its entity is not there', async () => {
    const system = await aSystem()
    system.reply(404)
    await aSource(system)

    await send(await ingest(), change('7', 'creation'))

    expect(await ended('discarded')).toMatchObject({ lastStatusCode: 404, reason: expect.stringContaining('404'), eventId: null })
    expect(await events()).toBe(0)
  })

  it('is looked up again after any other answer, none, or one that cannot be read', async () => {
    const system = await aSystem()
    system.reply(500, 'reset', { status: 200, body: '<html>' }, 302, company)
    await aSource(system)

    await send(await ingest(), change('7'))

    expect(await ended('accepted')).toMatchObject({ attempts: 5 })
    expect(system.requests).toHaveLength(5)
  })

  it('has failed after all attempts, says why, and is looked up again on demand', async () => {
    const system = await aSystem()
    system.reply(503)
    await aSource(system, { attempts: 2 })
    await send(await ingest(), change('7'))

    const failed = await ended('failed')
    expect(failed).toMatchObject({ attempts: 2, lastStatusCode: 503, reason: 'the lookup answered 503' })

    system.reply(company)
    await parts().storage.partials.retry('org', 'crm', failed.id, parts().clock.now() - 10_000)
    expect(await ended('accepted')).toMatchObject({ attempts: 1 })
  })

  it('goes to no address that is not allowed, and says so', async () => {
    const system = await aSystem()
    await aSource(system)

    await send(await ingest('10.0.0.0/8'), change('7'))

    expect(await ended('failed')).toMatchObject({ reason: 'this address is not allowed as a destination' })
    expect(system.connections()).toBe(0)
  })

  it('without what the URL needs has failed at once', async () => {
    const system = await aSystem()
    await aSource(system, { url: `${system.url}{account}/{id}` })

    await send(await ingest(), change('7'))

    expect(await ended('failed')).toMatchObject({ reason: expect.stringContaining('lacks') })
  })

  it('of another adapter is told by its id: one lookup and one event for all its copies', async () => {
    const system = await aSystem()
    system.reply(company)
    await aSource(system, { url: `${system.url}{entity_type}/{id}`, deletion: undefined }, { adapter: 'hubspot', settings: {} })
    const app = await ingest()
    const told = { portalId: 1, subscriptionId: 2, eventId: 3, occurredAt: 1_670_945_968_638, objectId: 7 }
    const named = { subscriptionType: 'company.propertyChange', propertyName: 'name', propertyValue: 'Avisa' }
    const copy = (attemptNumber: number) => ({ ...told, ...named, attemptNumber })

    const replies = await Promise.all([0, 1, 2].map(async (attempt) => send(app, [copy(attempt)])))

    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202])
    const partials = (await Promise.all(replies.map((reply) => reply.json()))) as { events: []; partials: { duplicate: boolean }[] }[]
    expect(partials.flatMap((body) => body.partials).filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    const partial = await ended('accepted')
    expect(await eventOf(partial)).toEqual({ type: 'company.propertyChange', id: '7', data: { _id: '7', id: '7', name: 'Avisa' } })
    expect((await send(app, [copy(9)])).status).toBe(202)
    expect(await all()).toHaveLength(1)
    expect(system.requests.map(({ path }) => path)).toEqual(['/company/7'])
  })

  it('that says the same again is news once it was looked up, and an event when something has changed', async () => {
    const system = await aSystem()
    await aSource(system)
    const app = await ingest()
    const names = ['A', 'B', 'B', 'A']

    for (const [i, name] of names.entries()) {
      system.reply({ status: 200, body: JSON.stringify({ name }) })
      await send(app, change('7'))
      await eventually(async () => {
        const done = (await all()).filter(({ state }) => state === 'accepted')
        expect(done).toHaveLength(i + 1)
      })
    }

    expect((await all()).map(({ eventId }) => eventId !== null).reverse()).toEqual([true, true, false, true])
  })

  it('that comes again while it is looked up is looked up once more', async () => {
    const system = await aSystem()
    system.reply({ status: 200, body: '{"name":"old"}', afterMs: 1_000 }, { status: 200, body: '{"name":"new"}' })
    await aSource(system)
    const app = await ingest()

    await send(app, change('7'))
    await system.request(1)
    await send(app, change('7'))

    expect(await eventOf(await ended('accepted'))).toMatchObject({ data: { name: 'new' } })
  })
})

describe('partial events survive', () => {
  it('a wiped Redis: what waits in SQL is put back', async () => {
    const system = await aSystem()
    system.reply(500)
    await aSource(system, { base_seconds: 1 })
    await send(await ingest(), [change('1'), change('2'), change('3')])
    await eventually(() => expect(system.requests.length).toBeGreaterThanOrEqual(3))

    await parts().server.flush()
    system.reply(company)

    await eventually(async () => expect((await all()).map(({ state }) => state)).toEqual(['accepted', 'accepted', 'accepted']))
    expect((await all()).every(({ eventId }) => eventId !== null)).toBe(true)
  })

  it('Redis being away when they are received', async () => {
    const system = await aSystem()
    system.reply(company)
    await aSource(system)
    const app = await ingest()
    await parts().server.kill()

    expect((await send(app, change('7'))).status).toBe(200)

    await parts().server.restart()
    await ended('accepted')
  })

  it('a process that is killed in the middle of a lookup', async () => {
    const system = await aSystem()
    system.reply('hang')
    await aSource(system, { timeout_ms: 30_000 })
    const env = { ...settingsOf(), DATABASE_URL: `sqlite:${parts().file}`, PORT: '0', LOG_LEVEL: 'warn' }
    const service = await startService('ingest', env)
    try {
      const reply = await fetch(`${service.url}/sources/crm/events`, { method: 'POST', headers, body: JSON.stringify(change('7')) })
      expect(reply.status).toBe(200)
      await system.request(1)

      await service.kill()
      system.reply(company)
      await service.start()

      // its job is found stalled once the lock of the dead process has run out
      expect(await eventOf(await ended('accepted', 60_000))).toMatchObject({ type: 'company.updated', data: { name: 'Avisa' } })
      expect(await events()).toBe(1)
    } finally {
      await service.kill()
    }
  })
})
