import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewPartial } from '../../shared/storage/storage.ts'
import { anId, someTime } from '../support/builders.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
  await status.call('POST', '/sources', { name: 'a-source', adapter: 'cloudevents', scheme: 'ptolemy' })
})
afterAll(() => status.close())

const lookup = { url: 'https://api.example.com/{id}' }
const pipe = { name: 'b', adapter: 'sesam' }
const expression = "{% if request_headers['X-A'] == secret('webhook_secret') %}{% else %}FAIL!{% endif %}"
let last = 0
const aName = () => `pipe-${++last}`

describe('a source with a lookup, a view and named secrets', () => {
  it('shows what is set, and no secret', async () => {
    const name = aName()
    const {
      status: code,
      body,
      text,
    } = await status.call('POST', '/sources', {
      name,
      adapter: 'sesam',
      settings: { validation_expression: expression },
      secrets: { webhook_secret: 'first-secret', oauth_client_secret: 'client-secret' },
      lookup: { ...lookup, headers: { Authorization: 'Bearer sesame-open' }, allowed_status_codes: '200-299,404' },
      collect: { entity_type: 'company' },
    })

    expect(code).toBe(201)
    expect(body).toMatchObject({
      secret: null,
      secrets: [{ name: 'webhook_secret' }, { name: 'oauth_client_secret' }],
      lookup: { ...lookup, headers: { authorization: '[hidden]' }, allowed_status_codes: '200-299,404', merge: true, attempts: 10 },
      collect: { entity_type: 'company', id_member: '_id' },
    })
    expect((await status.call('GET', `/sources/${name}`)).body).toMatchObject({ lookup: body['lookup'], collect: body['collect'] })
    expect(text).not.toMatch(/sesame-open|first-secret|client-secret/)
    expect(JSON.stringify(await status.storage.sources.find('org', name))).not.toMatch(/sesame-open|first-secret|client-secret/)
  })

  it('keeps the headers of a lookup that a patch leaves out or sends back hidden', async () => {
    const name = aName()
    await status.call('POST', '/sources', { ...pipe, name, lookup: { ...lookup, headers: { 'x-a': 'one', 'x-b': 'two' } } })
    const headersOf = async () => {
      const source = await status.storage.sources.find('org', name)
      return source?.lookup?.headers ? (JSON.parse(status.deps.vault.open(source.lookup.headers, source.id)) as unknown) : null
    }
    const patch = (headers: object) => status.call('PATCH', `/sources/${name}`, { lookup: { ...lookup, attempts: 3, ...headers } })

    expect((await patch({})).body).toMatchObject({ lookup: { attempts: 3 } })
    expect(await headersOf()).toEqual({ 'x-a': 'one', 'x-b': 'two' })
    await patch({ headers: { 'x-a': '[hidden]', 'x-c': 'three' } })
    expect(await headersOf()).toEqual({ 'x-a': 'one', 'x-c': 'three' })
    await patch({ headers: {} })
    expect(await headersOf()).toBeNull()
    expect((await status.call('PATCH', `/sources/${name}`, { lookup: null, collect: {} })).body).toMatchObject({
      lookup: null,
      collect: { id_member: '_id' },
    })
  })

  it('rotates a named secret: another of the name is added, and the old one removed', async () => {
    const name = aName()
    const made = await status.call('POST', '/sources', {
      ...pipe,
      name,
      settings: { validation_expression: expression },
      secrets: { webhook_secret: 'first-secret' },
    })
    const [old] = made.body['secrets'] as [{ id: string }]

    const added = await status.call('POST', `/sources/${name}/secrets`, { name: 'webhook_secret' })
    expect(added).toMatchObject({
      status: 201,
      body: { secret: expect.stringMatching(/^whsec_/), secrets: [{ name: 'webhook_secret' }, old] },
    })
    expect((await status.call('DELETE', `/sources/${name}/secrets/${old.id}`)).status).toBe(204)
    const [left] = (await status.call('GET', `/sources/${name}`)).body['secrets'] as [{ id: string }]
    expect((await status.call('DELETE', `/sources/${name}/secrets/${left.id}`)).status).toBe(409)
  })

  it.each<[what: string, method: string, path: string, body: unknown, code: number, field?: string]>([
    ['a private address', 'POST', '/sources', { ...pipe, lookup: { url: 'http://10.0.0.1/{id}' } }, 422, 'lookup.url'],
    ['a host that an event says', 'POST', '/sources', { ...pipe, lookup: { url: 'https://{id}/' } }, 422, 'lookup.url'],
    [
      'codes in words',
      'POST',
      '/sources',
      { ...pipe, lookup: { ...lookup, allowed_status_codes: '2xx' } },
      422,
      'lookup.allowed_status_codes',
    ],
    ['a reserved header', 'POST', '/sources', { ...pipe, lookup: { ...lookup, headers: { Host: 'x' } } }, 422, 'lookup.headers.Host'],
    ['a member that there is not', 'PATCH', '/sources/a-source', { lookup: { ...lookup, retries: 3 } }, 422, 'lookup.retries'],
    ['a type with a space', 'PATCH', '/sources/a-source', { collect: { entity_type: 'a b' } }, 422, 'collect.entity_type'],
    ['a name with a space', 'POST', '/sources', { ...pipe, secrets: { 'a b': 'longenough' } }, 422, 'secrets.a b'],
    ['a short secret', 'POST', '/sources', { ...pipe, secrets: { a: 'short' } }, 422, 'secrets.a'],
    ['an unknown state', 'GET', '/sources/a-source/partials?state=lost', undefined, 422, 'query.state'],
    ['an unknown source', 'GET', '/sources/none/partials', undefined, 404],
    ['an unknown partial event', 'POST', '/sources/a-source/partials/none/retry', undefined, 404],
  ])('refuses %s', async (_, method, path, body, code, field) => {
    const answer = await status.call(method, path, body)
    expect(answer).toMatchObject({ status: code, body: { status: code, ...(field && { errors: [{ field }] }) } })
    expect(await status.storage.sources.find('org', 'b')).toBeUndefined()
  })
})

describe('partial events', () => {
  const aPartial = (): NewPartial => ({
    id: anId(),
    organizationId: 'org',
    source: 'a-source',
    dedupKey: 'event 3',
    bodyHash: 'same',
    draft: { type: 'company.creation', entity: { type: 'company', id: '7' } },
    raw: Buffer.from('{"objectId":7}'),
    headers: {},
    receivedAt: someTime,
  })

  it('are shown with what became of them, and a failed one is looked up again', async () => {
    const [partial, other] = [aPartial(), { ...aPartial(), dedupKey: null }]
    await status.storage.partials.receive([partial, other], 'id')
    await status.storage.partials.end(
      partial.id,
      someTime,
      { state: 'failed', attempts: 3, statusCode: 500, reason: 'answered 500' },
      someTime,
    )

    const { body } = await status.call<{ data: unknown[] }>('GET', '/sources/a-source/partials?state=failed')
    expect(body.data).toEqual([
      {
        id: partial.id,
        source: 'a-source',
        source_event_id: 'event 3',
        type: 'company.creation',
        entity_type: 'company',
        entity_id: '7',
        status: 'failed',
        attempts: 3,
        next_attempt_at: null,
        last_status_code: 500,
        reason: 'answered 500',
        event_id: null,
        data: { objectId: 7 },
        received_at: new Date(someTime).toISOString(),
        updated_at: new Date(someTime).toISOString(),
      },
    ])
    const first = await status.call<{ data: { id: string }[]; meta: { next_cursor: string } }>('GET', '/sources/a-source/partials?limit=1')
    expect(first.body.data.map(({ id }) => id)).toEqual([other.id])
    const next = await status.call<{ data: { id: string }[] }>(
      'GET',
      `/sources/a-source/partials?limit=1&after=${first.body.meta.next_cursor}`,
    )
    expect(next.body.data.map(({ id }) => id)).toEqual([partial.id])

    const retry = `/sources/a-source/partials/${partial.id}/retry`
    expect((await status.call('POST', retry, undefined, { key: await status.makeKey(['read']) })).status).toBe(403)
    expect((await status.call('POST', retry, undefined, { key: await status.makeKey(['write'], 'other') })).status).toBe(404)
    expect(await status.call('POST', retry)).toMatchObject({ status: 202, body: { status: 'waiting', attempts: 0 } })
    expect(await status.call('POST', retry)).toMatchObject({ status: 409 })
    expect((await status.storage.partials.due(status.clock.now(), 10)).map(({ id }) => id)).toContain(partial.id)
  })
})
