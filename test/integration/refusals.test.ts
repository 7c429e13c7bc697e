import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createIngestApp } from '../../services/ingest/routes.ts'
import { startRefusals } from '../../services/ingest/refusals.ts'
import type { App } from '../../shared/http/app.ts'
import { createLogger } from '../../shared/logger.ts'
import { openIngestApp, type IngestApp } from '../support/ingest-app.ts'
import { openStatusApp } from '../support/status-app.ts'

let ingest: IngestApp
let app: App
let refusals: ReturnType<typeof startRefusals>
const secret = 'a-secret-of-16-letters'
beforeAll(async () => {
  ingest = await openIngestApp({ REQUEST_MAX_BYTES: '1024', requestMaxBytes: '1024', eventMaxBytes: '1024' })
  refusals = startRefusals({ storage: ingest.storage, clock: ingest.deps.clock, log: createLogger('test', 'silent') })
  app = createIngestApp({ ...ingest.deps, refusals })
  await ingest.addSource({ name: 'signed', adapter: 'generic', scheme: 'ptolemy' }, secret)
  await ingest.addSource({ name: 'keyed', adapter: 'tidings', scheme: null })
})
afterAll(() => ingest.close())

const post = (source: string, body: string, headers: Record<string, string> = {}) =>
  app.request(`/sources/${source}/events`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })

describe('requests of a source that were refused', () => {
  it('are noted with the reason, the last hundred of each source, and never with what they held', async () => {
    const key = await ingest.keyOf('org')
    const keyed = { authorization: `Bearer ${key}` }

    expect((await post('signed', '{"token":"in-the-body"}', { 'x-ptolemy-signature': 'sha256=forged' })).status).toBe(401)
    expect((await post('keyed', 'in-the-body', keyed)).status).toBe(400)
    expect((await post('keyed', JSON.stringify({ type: 5 }), keyed)).status).toBe(422)
    expect((await post('keyed', 'x'.repeat(5_000), { ...keyed, 'content-length': '5000' })).status).toBe(413)
    expect((await post('nobody', '{}')).status).toBe(401)
    for (let i = 0; i < 150; i++) await post('signed', '{}')
    await refusals.stop()

    const [signed, byKey] = [
      await ingest.storage.refusals.list('org', 'signed', 200),
      await ingest.storage.refusals.list('org', 'keyed', 200),
    ]
    expect(signed).toHaveLength(100)
    expect(signed[0]).toMatchObject({ status: 401, bytes: 2 })
    expect(byKey.map(({ status, bytes }) => [status, bytes]).sort()).toEqual([
      [400, 11],
      [413, 5_000],
      [422, 10],
    ])
    expect(JSON.stringify([...signed, ...byKey])).not.toMatch(new RegExp(`in-the-body|${key}|${secret}`))
    expect(await ingest.storage.refusals.list('other', 'signed', 200)).toEqual([])
  })

  it('are shown by the API, to the organization of the source', async () => {
    const status = await openStatusApp()
    await status.call('POST', '/sources', { name: 'catalog', adapter: 'cloudevents' })
    const refusal = {
      id: 'r',
      organizationId: 'org',
      source: 'catalog',
      at: status.clock.now(),
      status: 401,
      reason: 'no signature',
      bytes: 5,
    }
    await status.storage.refusals.add([refusal, { ...refusal, id: 's', organizationId: 'other' }], 100)

    expect((await status.call('GET', '/sources/catalog/refusals')).body).toMatchObject({
      data: [{ id: 'r', status: 401, reason: 'no signature' }],
    })
    expect(
      (await status.call('GET', '/sources/catalog/refusals', undefined, { key: await status.makeKey(['read'], 'other') })).status,
    ).toBe(404)
    await status.close()
  })
})
