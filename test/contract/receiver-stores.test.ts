import { createRequire } from 'node:module'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { idempotent, memoryStore, redisStore, sqliteStore, type SeenStore } from '../../shared/receiver/index.ts'
import { redisOptions, waitForever } from '../../shared/redis.ts'
import { eachRedis } from '../support/each-redis.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

/** A place to remember ids in, which two processes open. */
type Place = {
  stores: [SeenStore, SeenStore]
  /** Lets this much time pass for an id. */
  elapse(id: string, seconds: number): Promise<void>
}

/** Where the first cannot be compiled, Tidings takes the second, which has the same interface. */
const drivers = ['better-sqlite3', 'libsql'].flatMap((name) => {
  try {
    const Driver = createRequire(import.meta.url)(name) as typeof Database
    new Driver(':memory:').close()
    return [{ name, Driver }]
  } catch {
    return []
  }
})

const week = 7 * 86_400
let number = 0
const anId = () => `evt-${++number}:ü`

/** What every store must do; `place` is asked once for each test. */
function conformance(place: () => Place) {
  it('claims an id for one of many who ask at once', async () => {
    const { stores } = place()
    const id = anId()
    const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => (stores[n % 2] as SeenStore).claim(id, `owner-${n}`, 60)))
    expect(claims.filter((claim) => claim === 'claimed')).toHaveLength(1)
    expect(claims.filter((claim) => claim === 'running')).toHaveLength(19)
    expect(await stores[0].claim(anId(), 'owner-0', 60)).toBe('claimed')
  })

  it('remembers what was handled, everywhere and for as long as it was told', async () => {
    const { stores, elapse } = place()
    const id = anId()
    await stores[0].claim(id, 'a', 60)
    await stores[0].finish(id, week)
    for (const store of stores) expect(await store.claim(id, 'b', 60)).toBe('done')
    await elapse(id, week - 1)
    expect(await stores[1].claim(id, 'b', 60)).toBe('done')
    await elapse(id, 2)
    expect(await stores[1].claim(id, 'b', 60)).toBe('claimed')
  })

  it('frees an id that was given back, by its owner alone', async () => {
    const { stores } = place()
    const id = anId()
    await stores[0].claim(id, 'a', 60)
    await stores[1].release(id, 'b')
    expect(await stores[1].claim(id, 'b', 60)).toBe('running')
    await stores[1].release(id, 'a')
    expect(await stores[1].claim(id, 'b', 60)).toBe('claimed')
    await stores[0].release(id, 'a')
    expect(await stores[0].claim(id, 'a', 60)).toBe('running')
    await stores[1].finish(id, week)
    await stores[0].release(id, 'a')
    await stores[1].release(id, 'b')
    expect(await stores[0].claim(id, 'a', 60)).toBe('done')
  })

  it('frees the id of an owner that died', async () => {
    const { stores, elapse } = place()
    const id = anId()
    await stores[0].claim(id, 'dead', 60)
    await elapse(id, 59)
    expect(await stores[1].claim(id, 'heir', 60)).toBe('running')
    await elapse(id, 2)
    expect(await stores[1].claim(id, 'heir', 60)).toBe('claimed')
  })

  it('runs a handler once, however many copies come at once, and again when it failed', async () => {
    const { stores, elapse } = place()
    const copies = stores.map((store) => idempotent(store, { days: 1 }))
    const [first, second] = copies as [(typeof copies)[0], (typeof copies)[0]]
    const id = anId()
    await expect(first(id, () => Promise.reject(new Error('no room')))).rejects.toThrow('no room')

    let end = () => {}
    let running: unknown
    await new Promise<void>((started) => {
      running = second(id, () => {
        started()
        return new Promise<string>((resolve) => (end = () => resolve('done')))
      })
    })
    expect(await first(id, () => 'too early')).toEqual({ outcome: 'running', retryAfterSeconds: 60 })
    end()
    expect(await running).toEqual({ outcome: 'handled', value: 'done' })
    expect(await first(id, () => 'again')).toEqual({ outcome: 'duplicate' })
    await elapse(id, 86_401)
    expect(await first(id, () => 'a day later')).toEqual({ outcome: 'handled', value: 'a day later' })
  })
}

describe('the clock of this process', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const elapse = async (_: string, seconds: number) => void vi.setSystemTime(Date.now() + seconds * 1000)

  describe('memory', () => {
    const store = memoryStore()
    conformance(() => ({ stores: [store, store], elapse }))

    it('keeps what is valid, whatever else came and went', async () => {
      await store.finish('kept', week)
      for (let n = 0; n < 5_000; n++) {
        await store.claim(`passing-${n}`, 'a', 1)
        if (n % 100 === 0) await elapse('', 1)
      }
      expect(await store.claim('kept', 'b', 60)).toBe('done')
    })
  })

  describe.each(drivers)('SQLite, opened by $name', ({ Driver }) => {
    let folder: string
    let databases: Database.Database[]
    let stores: SeenStore[]
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tidings-received-'))
      databases = [0, 1].map(() => new Driver(join(folder, 'received.db')))
      stores = databases.map((db) => sqliteStore(db))
    })
    afterAll(async () => {
      for (const db of databases) db.close()
      await rm(folder, { recursive: true, force: true })
    })
    conformance(() => ({ stores: stores as Place['stores'], elapse }))

    it('forgets what has run out', async () => {
      const rows = () => databases[0]?.prepare('SELECT count(*) AS n FROM received_events').get()
      await elapse('', week * 2)
      await stores[0]?.claim('one', 'a', 60)
      expect(rows()).toMatchObject({ n: 1 })
    })
  })
})

await eachRedis('remembers ids', (program) => {
  let redis: TestRedis
  let clients: [Redis, Redis]
  beforeAll(async () => {
    redis = await startTestRedis(program)
    const connect = () => new Redis({ ...redisOptions(redis.url), ...waitForever }).on('error', () => {})
    clients = [connect(), connect()]
  })
  afterAll(async () => {
    for (const client of clients) client.disconnect()
    await redis.stop()
  })
  const key = (id: string) => `foundry:event:${id}`
  conformance(() => ({
    stores: clients.map((client) => redisStore(client, { prefix: 'foundry:event:' })) as Place['stores'],
    async elapse(id, seconds) {
      // the clock of a server cannot be moved, so the time that is left is
      const left = await clients[0].pttl(key(id))
      await clients[0].pexpire(key(id), Math.max(0, left - seconds * 1000))
    },
  }))

  it('holds what the contract says: the key, its value, and seven days', async () => {
    const once = idempotent(redisStore(clients[0], { prefix: 'foundry:event:' }))
    await once('evt-contract', async () => {
      expect(await clients[1].ttl(key('evt-contract'))).toBeGreaterThan(55)
      expect(await clients[1].ttl(key('evt-contract'))).toBeLessThanOrEqual(60)
    })
    expect(await clients[1].get(key('evt-contract'))).toBe('processed')
    expect(await clients[1].ttl(key('evt-contract'))).toBeGreaterThan(604_790)
  })
})
