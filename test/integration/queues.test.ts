import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openQueue, type DeliveryQueue } from '../../shared/queue.ts'
import { shardTargets, type Shards } from '../../shared/shards.ts'
import { fast } from '../support/builders.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let redis: TestRedis
let shards: Shards<{ prefix: string; queue: DeliveryQueue }>
let status: StatusApp
beforeAll(async () => {
  redis = await startTestRedis()
  const targets = shardTargets({ url: redis.url, prefix: '{queues}' }, 2)
  shards = targets.map((target) => ({ prefix: target.prefix, queue: openQueue(target, () => {}) }))
  await Promise.all(shards.all.map(({ queue }) => queue.bull.waitUntilReady()))
  status = await openStatusApp({ shards })
})
afterAll(async () => {
  await status.close()
  await Promise.all(shards.all.map(({ queue }) => queue.close()))
  await redis.stop()
})

describe('the queues', () => {
  const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}` })
  const visit = (path: string, headers = {}, method = 'GET') => status.call(method, path, undefined, { key: null, headers })

  it('ask a browser for the key', async () => {
    const answer = await visit('/queues')

    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
  })

  it('are shown to an admin, with or without a slash, and to nobody else', async () => {
    const admin = basic(await status.makeKey(['admin']))

    for (const path of ['/queues', '/queues/', '/queues/queue/deliveries', '/queues/queue/1-deliveries'])
      expect((await visit(path, admin)).status, path).toBe(200)
    expect((await visit('/queues', basic(await status.makeKey(['write'])))).status).toBe(403)
  })

  it('show the jobs that wait, of each shard', async () => {
    const webhookId = ['w', 'x', 'y', 'z'].find((id) => shards.of(id) === shards.all[1]) ?? ''
    const job = { deliveryId: 'd', eventId: 'e', webhookId, organizationId: 'org', generation: 0, step: 0 }
    await shards.of(webhookId).queue.add([{ job, retry: fast(1) }])

    const answer = await visit('/queues/api/queues', basic(await status.makeKey(['admin'])))

    const shown = [
      { name: 'deliveries', counts: { waiting: 0 }, readOnlyMode: true },
      { name: '1-deliveries', counts: { waiting: 1 }, readOnlyMode: true },
    ]
    expect(answer.body).toMatchObject({ queues: shown })
  })

  it('fetch nothing from another origin', async () => {
    const { headers } = await visit('/queues', basic(await status.makeKey(['admin'])))

    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*font-src 'self'/)
  })

  it('can only be looked at unless the settings say otherwise', async () => {
    const answer = await visit('/queues/api/queues/pause', basic(await status.makeKey(['admin'])), 'PUT')

    expect(answer.status).toBe(405)
  })

  it('are not changed by the page of another site', async () => {
    const writable = await openStatusApp({
      shards,
      settings: { disableAfterDays: 5, redeliveryRate: 200, queuesWritable: true },
    })
    const key = basic(await writable.makeKey(['admin']))
    const change = (headers: Record<string, string>) =>
      writable.call('PUT', '/queues/api/queues/none/pause', undefined, { key: null, headers: { ...key, ...headers } })

    const foreigners: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]
    for (const foreign of foreigners) expect((await change(foreign)).status, JSON.stringify(foreign)).toBe(403)
    expect((await change({ 'sec-fetch-site': 'same-origin' })).status).toBe(404)
    await writable.close()
  })
})
