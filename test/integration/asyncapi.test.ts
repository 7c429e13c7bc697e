import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

const require = createRequire(import.meta.url)
type Json = Record<string, unknown>
type Message = { payload: Json; examples?: { payload: unknown; headers?: unknown }[]; traits?: { $ref: string }[]; summary?: string }
type Document = Json & {
  channels: Record<string, { address: string | null; messages: Record<string, { $ref: string }> }>
  operations: Record<string, { action: string; channel: { $ref: string } }>
  servers: Record<string, { host: string; protocol: string; pathname?: string }>
  components: {
    messages: Record<string, Message>
    schemas: Record<string, Json>
    messageTraits: Record<string, { headers: { required: string[] }; bindings: Json }>
  }
}
const schema = {
  definitions: { count: { type: 'integer', minimum: 0 } },
  type: 'object',
  required: ['rows'],
  properties: { rows: { $ref: '#/definitions/count' } },
}

let status: StatusApp
let document: Document
beforeAll(async () => {
  status = await openStatusApp()
  await status.call('PUT', '/event-types/table.counted', { description: 'Rows were counted.', schema })
  document = await read()
})
afterAll(() => status.close())

const read = async (key?: string) => (await status.call<Document>('GET', '/asyncapi.json', undefined, key ? { key } : {})).body
const ownTypes = ['delivery.failed', 'webhook.disabled', 'webhook.failing', 'webhook.test']

/** Every message as a validator of it, with the references of its document. */
function validatorOf(name: string) {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema({ $id: 'document', components: document.components })
  const text = JSON.stringify(document.components.messages[name]?.payload).replaceAll('"#/components/', '"document#/components/')
  return ajv.compile(JSON.parse(text) as Json)
}

describe('/asyncapi.json', () => {
  it('is AsyncAPI 3, as the published schema has it, and every reference leads somewhere', () => {
    const published = JSON.parse(readFileSync(require.resolve('@asyncapi/specs/schemas/3.1.0.json'), 'utf8')) as { definitions: Json }
    // the validator has it already
    delete published.definitions['http://json-schema.org/draft-07/schema']
    const isValid = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(published)
    isValid(document)
    expect(isValid.errors ?? []).toEqual([])

    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/((?:components|channels|servers)[^"]*)"/g)].map(
      ([, path]) => path as string,
    )
    const at = (path: string) => path.split('/').reduce<unknown>((value, name) => (value as Json | undefined)?.[name], document)
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter((path) => at(path) === undefined)).toEqual([])
  })

  it('describes accepting and delivering', () => {
    const { operations, channels } = document
    expect(Object.values(operations).map(({ action, channel }) => [action, channel.$ref])).toEqual([
      ['receive', '#/channels/events'],
      ['receive', '#/channels/sourceEvents'],
      ['send', '#/channels/webhooks'],
    ])
    expect(Object.values(channels).map(({ address }) => address)).toEqual(['/events', '/sources/{source}/events', null])
    expect(Object.keys(channels.events?.messages ?? {})).toEqual(['native', 'structured'])
  })

  it('has a message for what each catalog is known to send, and for what Tidings itself tells', () => {
    const names = Object.keys(document.channels.webhooks?.messages ?? {})
    expect(names).toEqual(expect.arrayContaining([...ownTypes, 'table.counted']))
    const told = new Set(Object.values(document.components.messages).map(({ summary = '' }) => summary.split(': ')[0]))
    expect(['openmetadata', 'foundry', 'ptolemy', 'opteryx', 'sesam'].filter((name) => !told.has(name))).toEqual([])
    expect(names).toEqual(
      expect.arrayContaining(['table.created', 'dataset.create', 'ontology.object.deleted', 'build.completed', 'instrument.created']),
    )
  })

  it('says with which headers: those of Standard Webhooks, and of CloudEvents where they are used', () => {
    const { messageTraits, messages } = document.components
    expect(messageTraits.standardWebhooks?.headers.required).toEqual(['webhook-id', 'webhook-timestamp', 'webhook-signature'])
    expect(messageTraits.cloudEvents?.headers.required).toEqual(['ce-specversion', 'ce-id', 'ce-source', 'ce-type'])
    for (const trait of Object.values(messageTraits)) expect(trait.bindings).toMatchObject({ http: { headers: trait.headers } })
    expect(messages['webhook.failing']?.traits).toEqual([{ $ref: '#/components/messageTraits/standardWebhooks' }])
    expect(messages.binary?.traits).toHaveLength(2)
  })

  it('has examples that its messages allow', () => {
    const wrong = Object.entries(document.components.messages).flatMap(([name, { examples = [] }]) => {
      const isValid = validatorOf(name)
      return examples.filter(({ payload }) => !isValid(payload)).map(() => [name, isValid.errors])
    })
    expect(wrong).toEqual([])
    for (const name of [...ownTypes, 'native', 'structured'])
      expect([name, document.components.messages[name]?.examples?.length]).toEqual([name, 1])
  })

  it('holds the registered schemas of the organization that asks, with their own references, and of no other', async () => {
    const isValid = validatorOf('table.counted')
    const payload = { id: '1', type: 'table.counted', timestamp: '2026-11-28T05:50:24Z', source: 'api' }
    expect([1, -1, 'x'].map((rows) => isValid({ ...payload, data: { rows } }))).toEqual([true, false, false])
    expect(isValid({ ...payload, type: 'table.other', data: { rows: 1 } })).toBe(false)

    const other = await read(await status.makeKey(['read'], 'other'))
    expect(Object.keys(other.components.messages)).toEqual(
      Object.keys(document.components.messages).filter((name) => name !== 'table.counted'),
    )
  })

  it('is for who may read, and is linked from the reference', async () => {
    expect((await status.call('GET', '/asyncapi.json', undefined, { key: null })).status).toBe(401)
    expect((await status.call('GET', '/asyncapi.json', undefined, { key: await status.makeKey(['ingest']) })).status).toBe(403)
    expect((await status.call('GET', '/openapi.json')).text).toContain('(/asyncapi.json)')
  })

  it('names the address that it is known by', async () => {
    const known = await openStatusApp({ settings: { ...status.deps.settings, publicUrl: 'https://news.example.com/tidings' } })
    const { body } = await known.call<Document>('GET', '/asyncapi.json')
    await known.close()
    expect(body.servers.tidings).toMatchObject({ host: 'news.example.com', pathname: '/tidings', protocol: 'https' })
  })
})
