import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { Clock } from '../../shared/clock.ts'
import { createLogger, type Logger } from '../../shared/logger.ts'
import { openQueue, type DeliveryQueue } from '../../shared/queue.ts'
import { connectRedis, waitForever, type Redis, type RedisTarget } from '../../shared/redis.ts'
import { openStorage } from '../../shared/storage/open.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Format } from '../../shared/payload/format.ts'
import type { Registry } from '../../shared/registry.ts'
import { keys, openBodies, openLanes, type Bodies, type Lanes } from '../../shared/transport.ts'
import { startTestRedis, type TestRedis } from './redis.ts'
import { loadFormats } from './samples.ts'

/** What a part of a service works with: a real Redis and a real database, both empty at the start of each test. */
export type Parts = {
  storage: Storage
  /** Its file, for a process of its own. */
  file: string
  server: TestRedis
  target: RedisTarget
  redis: Redis
  key: ReturnType<typeof keys>
  queue: DeliveryQueue
  bodies: Bodies
  lanes: Lanes
  formats: Registry<Format>
  /** None: a test that is about it makes its own. */
  pressure: { room(): Promise<void> }
  clock: Clock & { advance(ms: number): void }
  log: Logger
  /** One more connection, for who blocks on it. */
  connect(): Redis
  /** What a test starts, to be ended before the rest is. */
  ending<T extends { stop(): Promise<void> }>(part: T): T
}

const prefix = '{tidings}'

/** @returns the parts of the test that runs */
export function useParts(): () => Parts {
  let server: TestRedis
  let formats: Registry<Format>
  let parts: Parts
  let endings: (() => unknown)[] = []

  beforeAll(async () => {
    server = await startTestRedis()
    formats = await loadFormats()
  })
  afterAll(() => server?.stop())

  beforeEach(async () => {
    await server.flush()
    const folder = await mkdtemp(join(tmpdir(), 'tidings-parts-'))
    endings.push(() => rm(folder, { recursive: true, force: true }))
    const storage = await openStorage(`sqlite:${join(folder, 'tidings.db')}`)
    endings.push(() => storage.close())
    const target = { url: server.url, prefix }
    const connect = () => {
      const connection = connectRedis(target, waitForever, () => {})
      endings.push(() => connection.disconnect())
      return connection
    }
    const redis = connect()
    const queue = openQueue(target, () => {})
    endings.push(() => queue.close())
    await queue.bull.waitUntilReady()
    const ending: Parts['ending'] = (part) => {
      endings.push(() => part.stop())
      return part
    }
    const log = createLogger('test', 'silent')
    parts = {
      storage,
      file: join(folder, 'tidings.db'),
      server,
      target,
      redis,
      key: keys(prefix),
      queue,
      bodies: openBodies(redis, prefix),
      lanes: openLanes(redis, prefix),
      formats,
      pressure: { room: () => Promise.resolve() },
      clock: aClock(),
      log,
      connect,
      ending,
    }
  })
  afterEach(async () => {
    for (const end of endings.reverse()) await end()
    endings = []
  })
  return () => parts
}

/** Goes as the real one does, and further when it is told to. */
function aClock(): Parts['clock'] {
  let ahead = 0
  return { now: () => Date.now() + ahead, advance: (ms) => void (ahead += ms) }
}
