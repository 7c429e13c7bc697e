import { afterEach, describe, expect, it } from 'vitest'
import { auditLedger } from '../../services/status/balance.ts'
import { tellStanding } from '../../services/status/standing.ts'
import { defaultRetryPolicy } from '../../shared/contracts/retry.ts'
import { createApp } from '../../shared/http/app.ts'
import { mountMetrics } from '../../shared/http/metrics.ts'
import { serve, type Serving } from '../../shared/http/serve.ts'
import { createLogger } from '../../shared/logger.ts'
import { createMetrics } from '../../shared/metrics.ts'
import { Problem } from '../../shared/problem.ts'
import { whenReady } from '../../shared/redis.ts'
import { shardsOf } from '../../shared/shards.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { aNewEvent } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { useParts } from '../support/parts.ts'
import { valueOf } from '../support/exposition.ts'

const parts = useParts()
const token = 'a-token-of-24-characters'
const log = createLogger('test', 'silent')
let serving: Serving | undefined
afterEach(async () => {
  await serving?.stop()
  serving = undefined
})

async function ask(headers: Record<string, string>, metricsToken?: string): Promise<Response> {
  const app = createApp(log)
  mountMetrics(app, async () => 'a 1\n', metricsToken)
  serving = await serve(app.fetch, { host: '127.0.0.1', port: 0 })
  return fetch(`${serving.url}/metrics`, { headers: { ...headers, connection: 'close' } })
}

describe('/metrics', () => {
  it('is shown to this machine where no token is set', async () => {
    const response = await ask({})

    expect([response.status, await response.text()]).toEqual([200, 'a 1\n'])
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  it.each(['forwarded', 'x-forwarded-for', 'via'])('is not shown to who comes through a proxy on this machine (%s)', async (name) => {
    const response = await ask({ [name]: '203.0.113.7' })

    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ type: '/problems/forbidden', detail: expect.stringContaining('METRICS_TOKEN') })
  })

  it('is not shown to another machine', async () => {
    const app = createApp(log)
    mountMetrics(app, async () => 'a 1\n', undefined)
    const from = (remoteAddress: string) => app.request('/metrics', {}, { incoming: { socket: { remoteAddress } } })

    expect((await from('192.0.2.1')).status).toBe(403)
    for (const here of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) expect((await from(here)).status).toBe(200)
  })

  it.each([
    [{ authorization: `Bearer ${token}` }, 200],
    [{ authorization: `Bearer ${token}x` }, 401],
    [{ authorization: 'Bearer' }, 401],
    [{}, 401],
  ])('with a token set, and %j, is answered %i', async (headers, status) => {
    expect((await ask(headers as Record<string, string>, token)).status).toBe(status)
  })
})

describe('requests', () => {
  it('are counted by the pattern of their route, and refusals by their reason', async () => {
    const metrics = createMetrics('x')
    const app = createApp(log, metrics)
    app.get('/things/:id', (c) => {
      if (c.req.param('id') === 'bad') throw new Problem('conflict', 'no')
      if (c.req.param('id') === 'broken') throw new Error('a fault of ours')
      return c.text('ok')
    })

    for (const path of ['/things/1', '/things/2', '/things/bad', '/things/broken', '/elsewhere/3']) await app.request(path)

    const text = await metrics.text()
    const requests = (labels: string) => valueOf(text, `tidings_http_requests_total{method="GET",${labels}`)
    expect(requests('route="/things/:id",status="200"')).toBe(2)
    expect(requests('route="/things/:id",status="409"')).toBe(1)
    expect(requests('route="none",status="404"')).toBe(1)
    const refusals = (reason: string) => valueOf(text, `tidings_refusals_total{reason="${reason}"`)
    expect([refusals('conflict'), refusals('fault'), refusals('forbidden')]).toEqual([1, 1, 0])
    expect(text).not.toContain('elsewhere')
  })
})

describe('how everything stands', () => {
  const told = async () => {
    const metrics = createMetrics('status')
    const { storage, queue, redis, target, clock } = parts()
    await whenReady(redis)
    const shards = shardsOf([{ prefix: target.prefix, queue }])
    tellStanding({ metrics, storage, redis, shards, clock, ready: async () => ({ redis: 'ok', storage: 'gone' }) })
    return metrics.text()
  }

  it('is told of an empty system as well', async () => {
    const text = await told()

    for (const name of [
      'tidings_due_oldest_seconds',
      'tidings_parked_jobs',
      'tidings_outcomes_waiting',
      'tidings_ledger_unaccounted_events',
    ])
      expect(valueOf(text, `${name}{`)).toBe(0)
    expect(valueOf(text, 'tidings_dependency_up{dependency="redis"')).toBe(1)
    expect(valueOf(text, 'tidings_dependency_up{dependency="storage"')).toBe(0)
  })

  it('has the queue by state, the age of who is next, what is parked, and what the log does not have yet', async () => {
    const { queue, redis, key } = parts()
    const job = { deliveryId: 'd', eventId: 'e', webhookId: 'w', organizationId: 'org', generation: 0, step: 0 }
    await queue.add([{ job, retry: defaultRetryPolicy }])
    await queue.add([{ job: { ...job, deliveryId: 'later' }, retry: defaultRetryPolicy, delayMs: 60_000 }])
    await redis.zadd(key.parking, 0, 'w')
    await redis.zadd(key.parked('w'), 1, 'a.0', 2, 'b.0')
    await redis.xadd(key.outcomes, `${Date.now() - 30_000}-0`, 'o', '{}')

    const text = await told()

    const jobs = (state: string) => valueOf(text, `bullmq_job_count{queue="deliveries", state="${state}"`)
    expect([jobs('waiting'), jobs('delayed'), jobs('active')]).toEqual([1, 1, 0])
    expect(text).not.toContain('bullmq_job_completed_total')
    expect(valueOf(text, 'tidings_queue_oldest_seconds{state="waiting"')).toBeLessThan(60)
    expect([valueOf(text, 'tidings_parked_jobs{'), valueOf(text, 'tidings_parked_webhooks{')]).toEqual([2, 1])
    expect(valueOf(text, 'tidings_outcomes_waiting{')).toBe(1)
    expect(valueOf(text, 'tidings_outcomes_lag_seconds{')).toBeGreaterThanOrEqual(30)
  })

  it('has the breakers of those that fail', async () => {
    const { storage, redis, key, clock } = parts()
    const fail = async (open: number | undefined) => {
      const id = await storeWebhook(storage, 'org', { failingSince: clock.now(), lastFailedAt: clock.now() })
      if (open !== undefined) await redis.hset(key.gate(id), 'open', open)
    }
    await fail(Date.now() + 60_000)
    await fail(Date.now() - 60_000)
    await fail(undefined)

    const text = await told()

    const breakers = (state: string) => valueOf(text, `tidings_breakers{state="${state}"`)
    expect([breakers('open'), breakers('probing'), breakers('closed')]).toEqual([1, 1, 1])
  })

  it('leaves gaps where Redis is away, and still says what SQL knows', async () => {
    const { server, storage, queue, redis, target, clock } = parts()
    await server.kill()
    redis.disconnect()
    const metrics = createMetrics('status')
    const shards = shardsOf([{ prefix: target.prefix, queue }])
    tellStanding({ metrics, storage, redis, shards, clock, ready: async () => ({ redis: 'away' }) })

    const text = await metrics.text().finally(() => server.restart())

    expect(valueOf(text, 'tidings_outcomes_waiting{')).toBeUndefined()
    expect(valueOf(text, 'tidings_fan_out_oldest_seconds{')).toBe(0)
    expect(valueOf(text, 'tidings_dependency_up{dependency="redis"')).toBe(0)
  })
})

/** With its first key, an organization is there. */
const createKey = (storage: Storage, organizationId: string) =>
  storage.keys.create(
    { id: 'k', organizationId, label: 'k', scopes: ['admin'], createdAt: 0, expiresAt: null, lastUsedAt: null, rateLimit: null },
    'hash',
  )

describe('the audit of the ledger', () => {
  const minuteMs = 60_000
  const organization = (id: string) => ({ keys: { organizations: async () => [id] } })
  type Read = (
    range: { from: number; to: number },
    most: number,
  ) => { accepted: number; delivered: number; unbalanced: number; readTo: number }
  const audit = (read: Read, clock: { now(): number }) => {
    const nothing = { pending: 0, matchedNothing: 0, failed: 0, cancelled: 0 }
    const ledger = { read: async (_: string, range: never, { most }: { most: number }) => ({ ...nothing, ...read(range, most) }) }
    return auditLedger({ storage: { ...organization('org'), ledger } as never, clock })
  }

  it('looks at each event once, and shows what does not add up for ten minutes', async () => {
    const ranges: number[][] = []
    let now = 100 * minuteMs
    const look = audit(
      ({ from, to }) => {
        ranges.push([from, to])
        return { accepted: 5, delivered: ranges.length === 1 ? 4 : 5, unbalanced: 0, readTo: to }
      },
      { now: () => now },
    )

    expect(await look()).toEqual({ accepted: 5, unaccounted: 1 })
    now += minuteMs
    expect(await look()).toEqual({ accepted: 10, unaccounted: 1 })
    now += 9.5 * minuteMs
    expect(await look()).toEqual({ accepted: 10, unaccounted: 0 })
    expect(ranges[1]?.[0]).toBe(ranges[0]?.[1])
  })

  it('reads no more at a time than it may, and goes on there', async () => {
    let most = 0
    const now = 100 * minuteMs
    const look = audit(
      ({ from }, limit) => {
        most = limit
        return { accepted: limit, delivered: limit, unbalanced: 0, readTo: from + 1_000 }
      },
      { now: () => now },
    )

    await look()
    expect((await look()).accepted).toBe(2 * most)
    expect(most).toBe(10_000)
  })

  it('finds the one event of a database whose deliveries are not there', async () => {
    const { storage, clock } = parts()
    const at = clock.now() - minuteMs
    await createKey(storage, 'org')
    await storeDelivery(storage, 'org', await storeWebhook(storage, 'org'), 'succeeded', at)
    const lost = aNewEvent({}, at)
    await storage.events.accept({ events: [lost], organizationId: 'org', now: at })
    await storage.events.markFannedOut([{ id: lost.envelope.id, matched: 2 }], at)

    expect(await auditLedger({ storage, clock })()).toEqual({ accepted: 2, unaccounted: 1 })
  })
})
