import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createIngestApp } from '../../services/ingest/routes.ts'
import { createAuthenticate } from '../../shared/http/authenticate.ts'
import { createRateLimits } from '../../shared/http/rate-limit.ts'
import { connectRedis, failFast, whenReady, type Redis } from '../../shared/redis.ts'
import type { ApiKey } from '../../shared/storage/storage.ts'
import { eventually } from '../support/eventually.ts'
import { openIngestApp } from '../support/ingest-app.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { openStatusApp } from '../support/status-app.ts'

let server: TestRedis
let redis: Redis
beforeAll(async () => {
  server = await startTestRedis()
  redis = connectRedis({ url: server.url, prefix: '{rate}' }, failFast, () => {})
  await whenReady(redis)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const clock = { now: () => 1_000_000 }
const key: ApiKey = {
  id: 'key',
  organizationId: 'org',
  label: '',
  scopes: ['ingest'],
  createdAt: 0,
  expiresAt: null,
  lastUsedAt: null,
  rateLimit: null,
}
const left = (headers: Record<string, string>) => Number(/r=(\d+)/.exec(headers.ratelimit as string)?.[1])

describe('a rate limit', () => {
  it('is shared by all processes', async () => {
    const processes = [1, 2].map(() => createRateLimits('shared', { perKey: 10, perOrganization: 100 }, clock, { redis, prefix: '{rate}' }))
    const [one, two] = processes as [(typeof processes)[0], (typeof processes)[0]]
    for (let i = 0; i < 7; i++) one.takeKey(key)

    // what another process has taken is known as soon as this one asks about itself
    two.takeKey(key)
    await eventually(() => expect(left(two.headers(key))).toBe(2))
    two.takeKey(key)
    two.takeKey(key)
    expect(() => two.takeKey(key)).toThrow('more than 10 requests in a second by one key')
    for (const each of processes) each.stop()
  })

  it('holds on, and refuses nobody, while Redis is away', async () => {
    const gone = connectRedis({ url: 'unix:///nowhere/redis.sock', prefix: '{rate}' }, failFast, () => {})
    const limits = createRateLimits('away', { perKey: 3, perOrganization: 100 }, clock, { redis: gone, prefix: '{rate}' })

    for (let i = 0; i < 3; i++) limits.takeKey(key)

    expect(() => limits.takeKey(key)).toThrow('more than 3')
    limits.takeKey({ ...key, id: 'another' })
    limits.stop()
    gone.disconnect()
  })
})

describe('a flood', () => {
  it('of one organization at ingest is refused with 429, and others are served', async () => {
    const ingest = await openIngestApp()
    const limits = createRateLimits('ingest', { perKey: 5, perOrganization: 8 }, clock)
    const authenticate = createAuthenticate(ingest.storage, clock, { limits })
    const app = createIngestApp({ ...ingest.deps, authenticate })
    const [flooder, neighbour] = [await ingest.keyOf('flooder'), await ingest.keyOf('neighbour')]
    const post = async (shown: string) =>
      app.request('/events', {
        method: 'POST',
        headers: { authorization: `Bearer ${shown}`, 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'table.updated', data: {} }),
      })

    const answers = await Promise.all(Array.from({ length: 40 }, () => post(flooder)))
    const refused = answers.find(({ status }) => status === 429) as Response

    expect(answers.map(({ status }) => status).filter((status) => status === 202)).toHaveLength(5)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('ratelimit-policy')).toBe('"key";q=5;w=1, "organization";q=8;w=1')
    expect(refused.headers.get('ratelimit')).toBe('"key";r=0;t=1')
    expect(await refused.json()).toMatchObject({ type: '/problems/rate_limited', status: 429 })
    const served = await post(neighbour)
    expect([served.status, served.headers.get('ratelimit')]).toEqual([202, '"key";r=4;t=1'])

    await ingest.addSource(
      { name: 'signed', adapter: 'cloudevents', scheme: 'ptolemy', organizationId: 'flooder' },
      'a-secret-of-16-letters',
    )
    limits.stop()
    await ingest.close()
  })

  it('of one key at the API is refused with 429, and others are served', async () => {
    const limits = createRateLimits('status', { perKey: 5, perOrganization: 100 }, clock)
    const status = await openStatusApp({ limits })
    const [flooder, neighbour] = [await status.makeKey(['read']), await status.makeKey(['read'])]

    const codes = await Promise.all(
      Array.from({ length: 20 }, async () => (await status.call('GET', '/session', undefined, { key: flooder })).status),
    )

    expect(codes.filter((code) => code === 200)).toHaveLength(5)
    expect(codes.filter((code) => code === 429)).toHaveLength(15)
    const served = await status.call('GET', '/session', undefined, { key: neighbour })
    expect([served.status, served.headers.get('ratelimit')]).toEqual([200, '"key";r=4;t=1'])
    limits.stop()
    await status.close()
  })
})
