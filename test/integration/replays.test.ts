import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSchemes, loadSources, setupsOf } from '../support/samples.ts'
import { openIngestApp, someNow, type IngestApp } from '../support/ingest-app.ts'

/** Catalogs that sign, each with the first of its own samples that holds an event with an id. */
const [schemes, adapters] = await Promise.all([loadSchemes(), loadSources()])
const signing = adapters.all().filter(({ scheme, name }) => scheme !== null && name !== 'generic')

let ingest: IngestApp
beforeEach(async () => {
  ingest = await openIngestApp()
})
afterEach(() => ingest.close())

describe.each(signing)('a request of $name that somebody has recorded', ({ name, scheme: schemeName, samples }) => {
  const scheme = schemes.get(schemeName as string)
  const setup = setupsOf(scheme.name)[0]

  it('is accepted once, however often and at once it is sent again, and never when it is old', async () => {
    const secret = setup?.createSecret() as string
    const params = scheme.params?.parse(setup?.params ?? {})
    const sample = samples[0] as (typeof samples)[number]
    await ingest.addSource({ name, adapter: name, settings: sample.settings ?? {}, ...(params && { schemeParams: params }) }, secret)
    const body = Buffer.from(sample.body)
    const signedAt = (now: number) =>
      scheme.sign({
        id: 'msg_recorded',
        now,
        body,
        secrets: [secret],
        method: 'POST',
        url: `http://localhost/sources/${name}/events`,
        ...(params && { params }),
      })
    const send = async (headers: Record<string, string>) =>
      ingest.app.request(`/sources/${name}/events`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...sample.headers, ...headers },
      })
    const recorded = signedAt(someNow)

    const answers = await Promise.all(Array.from({ length: 12 }, () => send(recorded)))
    const again = await send(recorded)

    for (const { status } of [...answers, again]) expect(status).toBeLessThan(300)
    const ids = ingest.offered.map(({ envelope }) => envelope.sourceEventId)
    expect(ids.length).toBeGreaterThan(0)
    expect(new Set(ids).size).toBe(ids.length)

    const isTimed = JSON.stringify(signedAt(someNow)) !== JSON.stringify(signedAt(someNow - 3_600_000))
    const before = ingest.offered.length
    const old = await send(signedAt(someNow - 301_000))
    if (isTimed) expect(old.status).toBe(401)
    expect(ingest.offered.length).toBe(before)
  })
})
