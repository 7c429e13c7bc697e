import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openQueue, type DeliveryQueue } from '../../shared/queue.ts'
import { fast } from '../support/builders.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let redis: TestRedis
let queue: DeliveryQueue
let status: StatusApp
beforeAll(async () => {
  redis = await startTestRedis()
  queue = openQueue({ url: redis.url, prefix: '{queues}' }, () => {})
  await queue.bull.waitUntilReady()
  status = await openStatusApp({ queue })
})
afterAll(async () => {
  await status.close()
  await queue.close()
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

    for (const path of ['/queues', '/queues/', '/queues/queue/deliveries']) expect((await visit(path, admin)).status, path).toBe(200)
    expect((await visit('/queues', basic(await status.makeKey(['write'])))).status).toBe(403)
  })

  it('show the jobs that wait', async () => {
    const job = { deliveryId: 'd', eventId: 'e', webhookId: 'w', organizationId: 'org', generation: 0, step: 0 }
    await queue.add([{ job, retry: fast(1) }])

    const answer = await visit('/queues/api/queues', basic(await status.makeKey(['admin'])))

    expect(answer.body).toMatchObject({ queues: [{ name: 'deliveries', counts: { waiting: 1 }, readOnlyMode: true }] })
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
      queue,
      settings: { disableAfterDays: 5, redeliveryRate: 200, queuesWritable: true, redisPrefix: '{test}' },
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
