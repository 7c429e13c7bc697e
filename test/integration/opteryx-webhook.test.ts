import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keepOpteryxWebhook, opteryxTarget } from '../../services/status/opteryx.ts'
import { statusSettings } from '../../services/status/settings.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { readSettings, SettingsError } from '../../shared/settings.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

type Shown = { id: string; url: string; mode: string; active: boolean; retry: Record<string, unknown>; [member: string]: unknown }
const policy = createAddressPolicy({ allow: [] })
const least = { REDIS_URL: 'redis://127.0.0.1', DATABASE_URL: 'sqlite:x', MASTER_KEY: Buffer.alloc(32).toString('base64') }
const target = (env: Record<string, string>) => opteryxTarget(readSettings(statusSettings, { ...least, ...env }), { policy })

let status: StatusApp
let key: string
beforeEach(async () => {
  status = await openStatusApp()
  key = await status.makeKey(['admin'], 'default')
})
afterEach(() => status.close())

const start = (env: Record<string, string>) => keepOpteryxWebhook(target(env), status.deps)
const call = async <T>(method: string, path: string, body?: unknown) => (await status.call<T>(method, path, body, { key })).body
const webhooks = async () => (await call<{ data: Shown[] }>('GET', '/webhooks')).data
const subscribed = async (id: string) =>
  (await call<{ data: { event_type: string }[] }>('GET', `/webhooks/${id}/subscriptions`)).data.map(({ event_type }) => event_type)
const [domain, queue] = [
  { OPTERYX_WEBHOOK_DOMAIN: 'router.opteryx.app' },
  { OPTERYX_WEBHOOK_QUEUE: 'projects/p/locations/l/queues/webhooks' },
]

describe('OPTERYX_WEBHOOK_DOMAIN', () => {
  it('unset leaves nothing behind, with and without a queue', async () => {
    await start({})
    await start(queue)
    expect(await webhooks()).toEqual([])
    expect(status.announced()).toBe(0)
  })

  it('set is one webhook that sends Opteryx its own events in its own words, once each', async () => {
    await start(domain)
    const [webhook, ...more] = await webhooks()
    expect(more).toEqual([])
    expect(webhook).toMatchObject({
      url: 'https://router.opteryx.app/event',
      format: 'opteryx',
      scheme: 'opteryx',
      secrets: [],
      timeout_ms: 10_000,
      mode: 'direct',
      active: true,
    })
    expect(await subscribed(webhook?.id ?? '')).toEqual(['dataset.*', 'view.*', 'collection.*'])
    expect(status.announced()).toBe(1)
  })

  it('with a queue is tried again, with growing delays; and the queue may come and go', async () => {
    await start({ ...domain, ...queue })
    expect(await webhooks()).toMatchObject([{ mode: 'queued', retry: { strategy: 'exponential', attempts: 18 } }])
    await start(domain)
    expect(await webhooks()).toMatchObject([{ mode: 'direct', retry: { delays_seconds: [] } }])
    await start({ ...domain, ...queue })
    expect(await webhooks()).toMatchObject([{ mode: 'queued' }])
  })

  it('changes nothing at the next start, nor what people have made of it', async () => {
    await start({ ...domain, ...queue })
    const [{ id } = { id: '' }] = await webhooks()
    await call('PATCH', `/webhooks/${id}`, { label: 'router', retry: { attempts: 5 } })
    await call('PUT', `/webhooks/${id}/subscriptions`, ['dataset.create'])
    const [before, announced] = [await webhooks(), status.announced()]
    status.clock.forward(60_000)
    await start({ ...domain, ...queue })
    expect(await webhooks()).toEqual(before)
    expect(await subscribed(id)).toEqual(['dataset.create'])
    expect(status.announced()).toBe(announced)
  })

  it('follows a new domain, is off while there is none, says why, and is on again with it', async () => {
    await start(domain)
    await start({ OPTERYX_WEBHOOK_DOMAIN: 'other.example.com:8443/in/token' })
    expect(await webhooks()).toMatchObject([{ url: 'https://other.example.com:8443/in/token/event', active: true }])
    await start({})
    expect(await webhooks()).toMatchObject([{ active: false, status: 'disabled', disabled_reason: 'OPTERYX_WEBHOOK_DOMAIN is not set' }])
    const announced = status.announced()
    await start({})
    expect(status.announced()).toBe(announced)
    await start(domain)
    expect(await webhooks()).toMatchObject([{ url: 'https://router.opteryx.app/event', active: true, disabled_reason: null }])
  })

  it('brings it back where it was removed, and two that start at once make one', async () => {
    await Promise.all([start(domain), start(domain)])
    const [first, ...more] = await webhooks()
    expect(more).toEqual([])
    expect(await subscribed(first?.id ?? '')).toHaveLength(3)
    await status.call('DELETE', `/webhooks/${first?.id}`, undefined, { key })
    expect(await webhooks()).toEqual([])
    await start(domain)
    const [second] = await webhooks()
    expect(second?.id).not.toBe(first?.id)
    expect(await subscribed(second?.id ?? '')).toHaveLength(3)
  })

  it.each([
    'https://router.opteryx.app',
    'router.opteryx.app?x=1',
    'user@host',
    'a b',
    '',
    '/event',
    'host:port',
    '127.0.0.1',
    '[::1]:8400',
  ])('cannot be "%s"', (value) => {
    const read = () => target({ OPTERYX_WEBHOOK_DOMAIN: value })
    // empty is unset, as for every variable
    if (value === '') expect(read()).toBeUndefined()
    else expect(read).toThrow(SettingsError)
  })
})

describe('the mode of a webhook', () => {
  const create = (more: object) => status.call<Shown>('POST', '/webhooks', { url: 'https://example.com/h', ...more }, { key })
  const fieldsOf = ({ body }: { body: unknown }) => (body as { errors: { field: string }[] }).errors.map(({ field }) => field)

  it('is queued unless it is direct, which is one attempt', async () => {
    expect((await create({})).body).toMatchObject({ mode: 'queued', retry: { attempts: 18 } })
    expect((await create({ mode: 'queued' })).body).toMatchObject({ mode: 'queued', retry: { attempts: 18 } })
    expect((await create({ mode: 'direct' })).body).toMatchObject({ mode: 'direct', retry: { strategy: 'schedule', delays_seconds: [] } })
    expect((await create({ retry: { strategy: 'exponential', attempts: 1 } })).body).toMatchObject({ mode: 'direct' })
  })

  it('that says another thing than the retry policy is refused at `retry`', async () => {
    for (const wrong of [
      { mode: 'direct', retry: { strategy: 'exponential', attempts: 3 } },
      { mode: 'queued', retry: { strategy: 'schedule', delays_seconds: [] } },
    ]) {
      const answer = await create(wrong)
      expect(answer.status).toBe(422)
      expect(fieldsOf(answer)).toEqual(['retry'])
    }
    const unknown = await create({ mode: 'slow' })
    expect([unknown.status, fieldsOf(unknown)]).toEqual([422, ['mode']])
  })

  it('is patched alone, and takes the policy with it', async () => {
    const { body } = await create({ retry: { strategy: 'exponential', attempts: 4 } })
    const patch = (change: object) => call<Shown>('PATCH', `/webhooks/${body.id}`, change)
    expect(await patch({ mode: 'queued' })).toMatchObject({ mode: 'queued', retry: { attempts: 4 } })
    expect(await patch({ mode: 'direct' })).toMatchObject({ mode: 'direct', retry: { delays_seconds: [] } })
    expect(await patch({ label: 'x' })).toMatchObject({ mode: 'direct', label: 'x' })
    expect(await patch({ mode: null })).toMatchObject({ mode: 'queued', retry: { attempts: 18 } })
    expect(await patch({ mode: 'direct', retry: { attempts: 9 } })).toMatchObject({ errors: [{ field: 'retry' }] })
  })

  it('is unsigned where the scheme is opteryx, which no source can have', async () => {
    expect((await create({ format: 'opteryx', scheme: 'opteryx', mode: 'direct' })).status).toBe(201)
    const answer = await status.call('POST', '/sources', { name: 'catalog', adapter: 'opteryx', scheme: 'opteryx' }, { key })
    expect([answer.status, fieldsOf(answer)]).toEqual([422, ['scheme']])
  })
})
