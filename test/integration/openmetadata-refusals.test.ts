import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aWebhook, mask, openMetadataClient, type Problem } from '../support/openmetadata.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const { call, create, patch } = openMetadataClient(() => status)

describe('a bad request is refused with the field that is wrong, and writes nothing', () => {
  const config = (members: object) => ({ webhookConfig: { endpoint: 'https://example.com/', ...members } })
  const headers = (members: object) => config({ headers: members })
  it.each<[string, object, string]>([
    ['no name', { name: undefined }, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['a name with ::', { name: 'a::b' }, 'name'],
    ['a name with :: after a line break', { name: 'a\n::b' }, 'name'],
    ['a name of 257 letters', { name: 'a'.repeat(257) }, 'name'],
    ['an id', { id: 'x' }, 'id'],
    ['a status', { status: 'active' }, 'status'],
    ['a type that there is not', { webhookType: 'Email' }, 'webhookType'],
    ['a batch of 101', { batchSize: 101 }, 'batchSize'],
    ['half a batch', { batchSize: 1.5 }, 'batchSize'],
    ['a batch of nothing', { batchSize: 0 }, 'batchSize'],
    ['a text for a flag', { enabled: 'yes' }, 'enabled'],
    ['no filters', { eventFilters: undefined }, 'eventFilters'],
    ['a filter without a type', { eventFilters: [{}] }, 'eventFilters[0].eventType'],
    ['a type of event that there is not', { eventFilters: [{ eventType: 'entityRestored' }] }, 'eventFilters[0].eventType'],
    ['a member of a filter that there is not', { eventFilters: [{ eventType: 'entityCreated', only: [] }] }, 'eventFilters[0].only'],
    ['no entities', { eventFilters: [{ eventType: 'entityCreated', entities: [] }] }, 'eventFilters[0].entities'],
    ['no endpoint', { webhookConfig: {} }, 'webhookConfig.endpoint'],
    ['a private endpoint', config({ endpoint: 'http://127.0.0.1/' }), 'webhookConfig.endpoint'],
    ['an endpoint without a scheme', config({ endpoint: 'www.example.com' }), 'webhookConfig.endpoint'],
    ['a masked endpoint', config({ endpoint: 'https://hooks.slack.com/services/***' }), 'webhookConfig.endpoint'],
    ['a masked key', config({ secretKey: mask }), 'webhookConfig.secretKey'],
    ['a timeout of nothing', config({ timeout: 0 }), 'webhookConfig.timeout'],
    ['half a second', config({ timeout: 1.5 }), 'webhookConfig.timeout'],
    ['too long a timeout', config({ timeout: 31 }), 'webhookConfig.timeout'],
    ['a number for owners', config({ sendToOwners: 1 }), 'webhookConfig.sendToOwners'],
    ['a trigger that there is not', { triggers: [{ type: 'webhook', name: 'none' }] }, 'triggers[0]'],
    ['a trigger that is no webhook', { triggers: [{ type: 'team', name: 'none' }] }, 'triggers[0].type'],
    ['one trigger for a list', { triggers: { type: 'webhook', name: 'none' } }, 'triggers'],
    ['a fallback that there is not', { fallback: { type: 'webhook', id: 'none' } }, 'fallback'],
    ['a fallback without a name', { fallback: { type: 'webhook' } }, 'fallback.name'],
    ['a member of the config that there is not', config({ readTimeout: 1 }), 'webhookConfig.readTimeout'],
    ['a header of the connection', headers({ Host: 'inside' }), 'webhookConfig.headers.Host'],
    ['a header of a metadata service', headers({ 'Metadata-Flavor': 'Google' }), 'webhookConfig.headers.Metadata-Flavor'],
    ['a header of the signature', headers({ 'X-OpenMetadata-Signature': 'x' }), 'webhookConfig.headers.X-OpenMetadata-Signature'],
    ['another content type', headers({ 'Content-Type': 'text/plain' }), 'webhookConfig.headers.Content-Type'],
    ['a line break in a header', headers({ 'X-A': 'a\r\nHost: b' }), 'webhookConfig.headers.X-A'],
    ['a header twice', headers({ 'X-A': 'a', 'x-a': 'b' }), 'webhookConfig.headers.x-a'],
    ['a masked header', headers({ 'X-A': mask }), 'webhookConfig.headers.X-A'],
    ['a number for a header', headers({ 'X-A': 1 }), 'webhookConfig.headers.X-A'],
    ['an owner without a name', { owner: { type: 'user' } }, 'owner.name'],
    ['an owner without a type', { owner: { name: 'ada' } }, 'owner.type'],
    ['a tag without a name', { tags: [{}] }, 'tags[0].tagFQN'],
    ['an extension that is a list', { extension: [] }, 'extension'],
  ])('%s', async (_, members, field) => {
    const before = await status.storage.webhooks.registryVersion()

    const { status: code, body } = await call<Problem>('POST', '', aWebhook(members))

    expect(code).toBe(422)
    expect(body.errors?.map((error) => error.field)).toEqual([field])
    expect(await status.storage.webhooks.registryVersion()).toBe(before)
  })

  const replace = (path: string, value: unknown) => ({ op: 'replace', path, value })
  it.each<[string, unknown, number, string]>([
    ['no array', {}, 422, 'body'],
    ['an operation that there is not', [{ op: 'merge', path: '/name', value: 1 }], 422, '[0].op'],
    ['an operation without a value', [{ op: 'add', path: '/description' }], 422, '[0].value'],
    ['a path that is none', [replace('enabled', false)], 422, '[0].path'],
    ['a path that leads nowhere', [replace('/description', 'x')], 422, '[0].path'],
    ['a path beyond a list', [{ op: 'add', path: '/eventFilters/9', value: { eventType: 'entityCreated' } }], 422, '[0].path'],
    ['a path into a text', [replace('/name/length', 3)], 422, '[0].path'],
    ['a place in a list that is no number', [{ op: 'add', path: '/eventFilters/x', value: {} }], 422, '[0].path'],
    ['a place in a list with zeros before it', [{ op: 'add', path: '/eventFilters/00', value: {} }], 422, '[0].path'],
    ['a move of the prototype', [{ op: 'move', from: '/__proto__', path: '/extension' }], 422, '[0].from'],
    ['the whole document', [replace('', {})], 422, '[0].path'],
    ['a test that fails', [{ op: 'test', path: '/enabled', value: false }, replace('/description', 'x')], 409, '[0].value'],
    [
      'a good operation before a bad one',
      [replace('/enabled', false), replace('/webhookConfig/timeout', 99)],
      422,
      'webhookConfig.timeout',
    ],
    ['the id', [replace('/id', 'x')], 422, 'id'],
    ['the version', [replace('/version', 9)], 422, 'version'],
    ['the status', [replace('/status', 'failed')], 422, 'status'],
    ['a member that there is not', [{ op: 'add', path: '/colour', value: 'red' }], 422, 'colour'],
    ['a required member taken away', [{ op: 'remove', path: '/eventFilters' }], 422, 'eventFilters'],
    ['deletion', [replace('/deleted', true)], 422, 'deleted'],
    [
      'a mask for another header',
      [{ op: 'add', path: '/webhookConfig/headers', value: { 'X-New': mask } }],
      422,
      'webhookConfig.headers.X-New',
    ],
    ['a private endpoint', [replace('/webhookConfig/endpoint', 'http://10.0.0.1/')], 422, 'webhookConfig.endpoint'],
    ['the prototype', [{ op: 'add', path: '/__proto__/polluted', value: 1 }], 422, '[0].path'],
  ])('a patch with %s', async (_, operations, code, field) => {
    const webhook = await create()
    const before = await status.storage.webhooks.registryVersion()

    const { status: answered, body } = await call<Problem>('PATCH', `/${webhook.id}`, operations)

    expect([answered, body.errors?.map((error) => error.field || 'body')]).toEqual([code, [field]])
    expect(await status.storage.webhooks.registryVersion()).toBe(before)
    expect((await call('GET', `/${webhook.id}`)).body).toEqual(webhook)
  })

  it('a patch that makes copies of copies', async () => {
    const webhook = await create({ extension: { a: 'x'.repeat(1_000) } })
    const copies = Array.from({ length: 60 }, (_, i) => ({ op: 'copy', from: '', path: `/extension/c${i}` }))

    const { status: code, body } = await patch<Problem>(webhook.id, ...copies)

    expect(code).toBe(422)
    expect(body.errors?.[0]?.field).toMatch(/^\[\d+\]$/)
  })

  it.each(['?limit=0', '?after=abc', '?sort=name', '?include=some', '/x?hardDelete=perhaps'])('%s', async (query) => {
    expect((await call('GET', query)).status).toBe(422)
  })
})
