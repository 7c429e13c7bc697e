import { z } from 'zod'
import type { App } from '../../../shared/http/app.ts'
import { readExamples, type Json, type Place } from './examples.ts'

type Content = Record<string, { schema?: unknown; example?: unknown }>
type Route = {
  method: string
  path: string
  request?: { params?: z.ZodObject; query?: z.ZodObject; body?: { required?: boolean; content: Content } }
  responses: Record<string, { description: string; content?: Content }>
  [member: string]: unknown
}
type Head = { info: Json; tags: Json[]; securitySchemes: Json; named: Record<string, z.ZodType>; webhooks(convert: Convert): Json }

/**
 * The OpenAPI 3.1 document of all routes. Its schemas are JSON Schema 2020-12, which zod itself writes; what
 * zod-openapi would write depends on which module was loaded first.
 */
export function writeReference(app: App, { info, tags, securitySchemes, named, webhooks }: Head): Json {
  const schemas: Json = {}
  const convert = createConverter(schemas, named)
  const write = contentWriter(convert)
  const paths: Record<string, Json> = {}
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue
    const { method, path, request, responses, ...rest } = definition.route as unknown as Route
    const id = operationId(method, path)
    const operation = {
      ...rest,
      operationId: id,
      ...requestOf(request, convert, (content) => write(content, { operation: id, part: 'request' })),
      responses: responsesOf(responses, (content, part) => write(content, { operation: id, part })),
    }
    paths[path] = { ...paths[path], [method]: operation }
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    tags,
    paths,
    webhooks: webhooks(convert),
    components: { schemas, securitySchemes },
  }
}

/** `GET /webhooks/{id}` → `get_webhooks_id`: generators of clients name functions by it. */
const operationId = (method: string, path: string) => [method, ...(path.match(/\w+/g) ?? [])].join('_')

export type Convert = (schema: z.ZodType) => Json

/** Schemas with an id stand once under `components`, and are referred to from wherever they occur. */
function createConverter(schemas: Json, named: Record<string, z.ZodType>): Convert {
  const registry = z.registry<Json>()
  const metadata = {
    get: (schema: z.core.$ZodType) => registry.get(schema) ?? z.globalRegistry.get(schema),
    has: (schema: z.core.$ZodType) => registry.has(schema) || z.globalRegistry.has(schema),
  } as unknown as typeof registry
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { ...z.globalRegistry.get(schema), id })

  return (schema) => {
    const text = JSON.stringify(z.toJSONSchema(z.object({ it: schema }), { io: 'input', unrepresentable: 'any', metadata }))
    const { properties, $defs = {} } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as {
      properties: { it: Json }
      $defs?: Record<string, Json>
    }
    for (const [name, { id: _, ...definition }] of Object.entries($defs)) {
      // zod numbers what has no name anew in each call, so that two of them would be taken for one
      if (name.startsWith('__')) throw new Error(`a recursive schema in the reference has no name: ${text.slice(0, 200)}`)
      schemas[name] = definition
    }
    return properties.it
  }
}

function requestOf(request: Route['request'], convert: Convert, write: (content: Content) => Json): Json {
  const parameters = [...parametersOf(request?.params, 'path', convert), ...parametersOf(request?.query, 'query', convert)]
  const body = request?.body
  return {
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: body.required ?? false, content: write(body.content) } }),
  }
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query', convert: Convert): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, member]) => {
    const { description, ...rest } = convert(member as z.ZodType)
    return { name, in: place, required: place === 'path', ...(description !== undefined && { description }), schema: rest }
  })
}

const responsesOf = (responses: Route['responses'], write: (content: Content, status: string) => Json): Json =>
  Object.fromEntries(
    Object.entries(responses).map(([status, { description, content }]) => [
      status,
      { description, ...(content && { content: write(content, status) }) },
    ]),
  )

/** Each body with an example: its own, or the one that was recorded. */
function contentWriter(convert: Convert) {
  const examples = readExamples()
  return (content: Content, place: Omit<Place, 'type'>): Json =>
    Object.fromEntries(
      Object.entries(content).map(([type, { schema: given, ...rest }]) => {
        const schema = convert(given as z.ZodType)
        const example = examples.of(schema, { ...place, type })
        return [type, { ...(example !== undefined && { example }), ...rest, schema }]
      }),
    )
}
