import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

type Json = Record<string, unknown>
type Media = { schema: Json; example?: unknown; examples?: unknown }
type Operation = {
  operationId: string
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
  parameters?: { name: string; example?: unknown }[]
}
type Document = Json & {
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, { post: Operation }>
  components: { schemas: Record<string, Json> }
}

let status: StatusApp
let document: Document
beforeAll(async () => {
  status = await openStatusApp()
  document = (await status.call<Document>('GET', '/openapi.json')).body
})
afterAll(() => status.close())

/** Every body of every operation, with where it stands. */
const bodies = () =>
  Object.entries({ ...document.paths, ...document.webhooks }).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody, responses }]) => {
      const parts: [string, Record<string, Media>][] = [
        ['request', requestBody?.content ?? {}],
        ...Object.entries(responses).map(([code, { content }]): [string, Record<string, Media>] => [code, content ?? {}]),
      ]
      return parts.flatMap(([part, content]) =>
        Object.entries(content).map(([type, media]) => ({ at: `${method} ${path} ${part} ${type}`, part, type, media })),
      )
    }),
  )

describe('the reference', () => {
  it('is OpenAPI 3.1, as its own schema has it', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(document))
    expect([errors, valid, validator.version]).toEqual([undefined, true, '3.1'])
  })

  it('shows an example of every body; a new one is added to services/status/reference/examples.json', () => {
    const silent = bodies().filter(({ media }) => media.example === undefined && media.examples === undefined)
    expect(silent.map(({ at }) => at)).toEqual([])
    expect(bodies().length).toBeGreaterThan(400)
  })

  it('has examples that its schemas allow', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
    ajv.addSchema({ $id: 'document', components: document.components })
    const resolved = (schema: Json) => JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/')) as Json
    const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
    const wrong = bodies().flatMap(({ at, media }) => {
      const text = JSON.stringify(media.schema)
      const isValid = compiled.get(text) ?? ajv.compile(resolved(media.schema))
      compiled.set(text, isValid)
      return isValid(media.example) ? [] : [`${at}: ${ajv.errorsText(isValid.errors)}`]
    })
    expect(wrong).toEqual([])
  })

  it('holds no secret that could be one', () => {
    const text = JSON.stringify(document)
    expect([...text.matchAll(/whsec_([A-Za-z0-9+/=]+)/g)].map(([, key]) => Buffer.from(key as string, 'base64').toString())).toEqual(
      expect.arrayContaining(['an example, and no secret at all']),
    )
    expect(text).not.toMatch(/127\.0\.0\.1|localhost/)
    expect([...text.matchAll(/td[kl]_\w+/g)].filter(([key]) => !/^td[kl]_AnExample/.test(key))).toEqual([])
  })

  it('shows what receivers get in every format, with the headers of Standard Webhooks', () => {
    expect(Object.keys(document.webhooks).toSorted()).toEqual(status.deps.formats.names().toSorted())
    for (const { post } of Object.values(document.webhooks)) {
      expect(post.parameters?.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['webhook-id', 'webhook-timestamp', 'webhook-signature']),
      )
      expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['2XX', '410', '429', 'default']))
    }
    const binary = document.webhooks['cloudevents-binary']?.post.parameters?.map(({ name }) => name)
    expect(binary).toEqual(expect.arrayContaining(['ce-id', 'ce-source', 'ce-specversion', 'ce-type']))
    expect(document.webhooks.tidings?.post.requestBody?.content['application/json']).toMatchObject({
      schema: { $ref: '#/components/schemas/Payload' },
      example: { type: 'table.updated' },
    })
  })
})

/** The members of an answer, and of what lies in it, down to lists and maps of anything. */
const shape = (value: unknown, depth = 0): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > 1) return null
  return Object.keys(value).toSorted()
}

describe('an example of a request', () => {
  const example = (method: string, path: string, part: string, type = 'application/json') => {
    const operation = document.paths[path]?.[method]
    const content = part === 'request' ? operation?.requestBody?.content : operation?.responses[part]?.content
    return content?.[type]?.example
  }

  /** In an order in which each finds what it needs; `{id}` is what the first of its kind was answered with. */
  const calls: [string, string, string, string][] = [
    ['post', '/webhooks', '/webhooks', '201'],
    ['patch', '/webhooks/{id}', '/webhooks/{webhook}', '200'],
    ['put', '/webhooks/{id}/subscriptions', '/webhooks/{webhook}/subscriptions', '200'],
    ['post', '/webhooks/{id}/subscriptions', '/webhooks/{webhook}/subscriptions', '200'],
    ['post', '/webhooks/{id}/rotate-secret', '/webhooks/{webhook}/rotate-secret', '200'],
    ['post', '/webhooks/{id}/test', '/webhooks/{webhook}/test', '202'],
    ['post', '/webhooks/filter', '/webhooks/filter', '200'],
    ['post', '/webhooks/preview', '/webhooks/preview', '200'],
    ['post', '/webhook-deliveries/filter', '/webhook-deliveries/filter', '200'],
    ['post', '/webhook-deliveries/count', '/webhook-deliveries/count', '200'],
    ['post', '/webhook-deliveries/redeliver', '/webhook-deliveries/redeliver', '202'],
    ['post', '/events/filter', '/events/filter', '200'],
    ['post', '/sources', '/sources', '201'],
    ['patch', '/sources/{name}', '/sources/catalog', '200'],
    ['post', '/sources/{name}/secrets', '/sources/catalog/secrets', '201'],
    ['put', '/event-types/{name}', '/event-types/table.updated', '201'],
    ['post', '/keys', '/keys', '201'],
    ['patch', '/keys/{id}', '/keys/{key}', '200'],
    ['post', '/keys/{id}/rotate', '/keys/{key}/rotate', '200'],
    ['put', '/directory/users/{name}', '/directory/users/ada', '201'],
    ['put', '/directory/teams/{name}', '/directory/teams/sales', '201'],
    ['put', '/sources/{name}/directory', '/sources/catalog/directory', '200'],
    ['post', '/api/v1/webhooks', '/api/v1/webhooks', '201'],
  ]

  it('is taken, and answered with what the example of the answer shows', async () => {
    const ids: Record<string, string> = {}
    for (const [method, path, called, code] of calls) {
      const answer = await status.call(
        method.toUpperCase(),
        called.replace(/\{(\w+)\}/, (_, name: string) => ids[name] ?? name),
        example(method, path, 'request'),
      )
      expect([called, answer.status, answer.status < 300 ? '' : answer.text]).toEqual([called, Number(code), ''])
      if (called === '/webhooks') ids.webhook = answer.body.id as string
      if (called === '/keys') ids.key = answer.body.id as string
      const shown = shape(example(method, path, code))
      // of OpenMetadata's entity, members that say nothing are left out
      const expected = path.startsWith('/api/v1/')
        ? (shape(answer.body) as string[]).filter((name) => (shown as string[]).includes(name))
        : shown
      expect([called, shape(answer.body)]).toEqual([called, expected])
    }
  })
})
