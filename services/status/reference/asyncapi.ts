import { z } from 'zod'
import { EventInput } from '../../../shared/contracts/event.ts'
import type { EventType } from '../../../shared/storage/storage.ts'
import { readExamples, type Json } from './examples.ts'
import type { KnownType } from './known-types.ts'
import { DefaultPayload, exampleSignature, signatureHeaders } from './received.ts'
import { ownTypes } from './own-types.ts'

type Given = { url: URL; known: KnownType[]; registered: EventType[] }

const ref = (path: string) => ({ $ref: `#/${path}` })
const inComponents = (kind: string, name: string) => ref(`components/${kind}/${name}`)
const http = (more: Json) => ({ http: { ...more, bindingVersion: '0.3.0' } })

/**
 * The AsyncAPI 3 document of one organization: what Tidings takes, and what it sends. Schemas are draft 7, the dialect
 * that AsyncAPI's own schema object is written in.
 */
export function writeAsyncApi({ url, known, registered }: Given): Json {
  const types = describeTypes(known, registered)
  const messages = Object.fromEntries(types.map((type) => [type.name, messageOf(type)]))
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Tidings',
      version: '1',
      description:
        'Events of a data catalog: how they are posted, and what arrives at webhooks. Event types are those of this organization, those that Tidings tells of its own work, and examples of what the known catalogs send; any other name is accepted and delivered all the same.',
      externalDocs: { url: '/docs', description: 'The whole API, by which webhooks and subscriptions are made.' },
    },
    defaultContentType: 'application/json',
    servers: {
      tidings: {
        host: url.host,
        ...(url.pathname !== '/' && { pathname: url.pathname }),
        protocol: url.protocol.replace(':', ''),
        description: 'Where events are posted.',
        security: [inComponents('securitySchemes', 'apiKey')],
      },
      receiver: {
        host: '{receiver}',
        protocol: 'https',
        description: 'Where a webhook leads.',
        variables: { receiver: { description: 'Host of the URL that a webhook is registered with.', examples: ['example.com'] } },
      },
    },
    channels: channels(types.map(({ name }) => name)),
    operations: operations(),
    components: {
      messages: { ...messages, native: native(), structured: structured(), binary },
      messageTraits: traits,
      schemas: { EventInput: draft7(EventInput), Payload: draft7(DefaultPayload) },
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key with the scope `ingest`. A source that signs needs none.' },
      },
    },
  }
}

type Described = { name: string; title: string; schema: unknown; example: unknown; isOwn: boolean }

/** One of each name: what the organization has registered replaces what is known of it. */
function describeTypes(known: KnownType[], registered: EventType[]): Described[] {
  const types = new Map<string, Described>()
  for (const { type, description, data } of known)
    types.set(type, { name: type, title: description, schema: true, example: data, isOwn: false })
  for (const { name, description, schema } of registered) {
    const example = types.get(name)?.example
    types.set(name, {
      name,
      title: description ?? `Registered as ${name}.`,
      schema: schema === null ? true : embedded(schema as Json | boolean, name),
      example,
      isOwn: false,
    })
  }
  for (const [name, { description, data, example }] of Object.entries(ownTypes))
    types.set(name, { name, title: description, schema: draft7(data), example, isOwn: true })
  return [...types.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** With a name of its own, so that its references lead into it and not into this document. */
const embedded = (schema: Json | boolean, name: string): Json | boolean =>
  typeof schema === 'boolean' ? schema : { $id: `urn:tidings:event-type:${name}`, ...schema }

function messageOf({ name, title, schema, example, isOwn }: Described): Json {
  const payload = {
    id: exampleSignature['webhook-id'],
    type: name,
    timestamp: '2026-11-28T05:50:24Z',
    source: isOwn ? 'tidings' : 'api',
    ...(example !== undefined && { data: example }),
  }
  return {
    name,
    title: name,
    summary: title,
    contentType: 'application/json',
    traits: [inComponents('messageTraits', 'standardWebhooks')],
    payload: { allOf: [inComponents('schemas', 'Payload'), { properties: { type: { const: name }, data: schema } }] },
    // what a registered schema asks for, only its owner can make up
    ...((isOwn || schema === true) && { examples: [{ name, headers: exampleSignature, payload }] }),
  }
}

const channels = (types: string[]): Json => ({
  events: {
    address: '/events',
    title: 'Accepting',
    description: 'One event or an array of them, with an API key.',
    servers: [ref('servers/tidings')],
    messages: { native: inComponents('messages', 'native'), structured: inComponents('messages', 'structured') },
  },
  sourceEvents: {
    address: '/sources/{source}/events',
    title: 'Accepting from a registered source',
    description: 'In the words of the source, signed as its scheme says or with an API key.',
    servers: [ref('servers/tidings')],
    parameters: { source: { description: 'Name of the source.' } },
    messages: { anything: { name: 'anything', title: 'What the catalog sends', contentType: 'application/json', payload: {} } },
  },
  webhooks: {
    address: null,
    title: 'Delivering',
    description:
      'To the URL of every webhook with a subscription that matches, each event by itself unless the webhook asks for batches, in the format `tidings` unless it asks for another.',
    servers: [ref('servers/receiver')],
    messages: {
      ...Object.fromEntries(types.map((type) => [type, inComponents('messages', type)])),
      binary: inComponents('messages', 'binary'),
    },
  },
})

const operations = (): Json => ({
  acceptEvents: {
    action: 'receive',
    channel: ref('channels/events'),
    summary: 'Answered with 202 once all are on disk.',
    bindings: http({ method: 'POST' }),
    security: [inComponents('securitySchemes', 'apiKey')],
  },
  acceptSourceEvents: {
    action: 'receive',
    channel: ref('channels/sourceEvents'),
    summary: 'Read by the adapter of the source.',
    bindings: http({ method: 'POST' }),
  },
  deliverEvents: {
    action: 'send',
    channel: ref('channels/webhooks'),
    summary: 'Repeated until it is answered with 2xx, or its attempts are used up.',
    bindings: http({ method: 'POST' }),
  },
})

const text = (descriptions: Record<string, string>) => ({
  type: 'object',
  required: Object.keys(descriptions),
  properties: Object.fromEntries(Object.entries(descriptions).map(([name, description]) => [name, { type: 'string', description }])),
})
const standardHeaders = text(signatureHeaders)
const cloudEventHeaders = text({
  'ce-specversion': 'CloudEvents: `1.0`.',
  'ce-id': 'Of the event.',
  'ce-source': 'Where it came from.',
  'ce-type': 'Its event type.',
})

const traits = {
  standardWebhooks: { headers: standardHeaders, bindings: http({ headers: standardHeaders }) },
  cloudEvents: { headers: cloudEventHeaders, bindings: http({ headers: cloudEventHeaders }) },
}

const native = (): Json => ({
  name: 'native',
  title: 'An event in the native form',
  contentType: 'application/json',
  payload: inComponents('schemas', 'EventInput'),
  examples: [{ payload: readExamples().named('EventInput') }],
})

const structured = (): Json => ({
  name: 'structured',
  title: 'A CloudEvent in structured mode',
  summary: 'Batches and binary mode are taken as well.',
  contentType: 'application/cloudevents+json',
  payload: {
    type: 'object',
    required: ['specversion', 'id', 'source', 'type'],
    properties: { specversion: { const: '1.0' }, id: { type: 'string' }, source: { type: 'string' }, type: { type: 'string' }, data: true },
  },
  examples: [{ payload: readExamples().named('CloudEvent') }],
})

const binary: Json = {
  name: 'binary',
  title: 'Any event as a CloudEvent in binary mode',
  summary: 'For webhooks with the format `cloudevents-binary`: attributes in headers, the body is the data.',
  traits: [inComponents('messageTraits', 'standardWebhooks'), inComponents('messageTraits', 'cloudEvents')],
  payload: {},
}

function draft7(schema: z.ZodType): Json {
  const {
    $schema: _,
    id: __,
    ...written
  } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any', metadata: z.registry<Json>() }) as Json
  return written
}
