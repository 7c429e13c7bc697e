import { readFileSync } from 'node:fs'
import { problemKinds } from '../../../shared/problem.ts'

export type Json = Record<string, unknown>
type Recorded = {
  /** By the name of the schema. */
  schemas: Record<string, unknown>
  /** Bodies whose schema has no name: by operation, then `request` or the status, then by content type where it has several. */
  operations: Record<string, Record<string, unknown>>
}
/** Where a body stands: in which operation, as its request or as the answer with a status, and of what type. */
export type Place = { operation: string; part: string; type: string }

/**
 * Bodies as a Tidings has taken and given them, recorded once, with what was secret replaced: so that the reference
 * shows what somebody will see. A new route brings its own; the tests hold each to its schema.
 */
export function readExamples(): { of(schema: Json, place: Place): unknown; named(name: string): unknown } {
  const { schemas, operations } = JSON.parse(readFileSync(new URL('./examples.json', import.meta.url), 'utf8')) as Recorded

  function byShape(schema: Json): unknown {
    const { $ref, anyOf, type, items, properties } = schema as {
      $ref?: string
      anyOf?: Json[]
      type?: string
      items?: Json
      properties?: Record<string, Json>
    }
    if ($ref) return schemas[$ref.split('/').pop() as string]
    if (anyOf?.[0]) return byShape(anyOf[0])
    if (type === 'array' && items) return oneOf(byShape(items))
    const data = properties?.data && oneOf(byShape((properties.data.items as Json | undefined) ?? {}))
    return data && { data, ...(properties.paging ? { paging: { total: 1 } } : { meta: { next_cursor: null, has_more: false } }) }
  }
  function of(schema: Json, { operation, part, type }: Place): unknown {
    if (type === 'application/problem+json') return problemOf(Number(part))
    const own = operations[operation]?.[part]
    if (own === undefined) return byShape(schema)
    return typeof own === 'object' && own !== null && type in own ? (own as Json)[type] : own
  }
  return { of, named: (name) => schemas[name] }
}

const oneOf = (item: unknown) => (item === undefined ? undefined : [item])

const details: Record<number, string> = {
  400: 'the body is not JSON: Unexpected token at position 12',
  401: 'show an API key: Authorization: Bearer tdk_…',
  403: 'this needs a key with the scope "write"',
  404: 'there is no webhook "01a220b4-6965-763d-93fd-0bbfa9112505"',
  409: 'the event "orders-1" was accepted before, with another body',
  413: 'a request body may have 1048576 bytes',
  415: 'the content type must be application/json',
  422: 'url: must begin with https:// or http://',
}

function problemOf(status: number): Json | undefined {
  const found = Object.entries(problemKinds).find(([, kind]) => kind.status === status)
  if (!found) return undefined
  const [code, { title }] = found
  const errors = status === 422 && { errors: [{ field: 'url', message: 'must begin with https:// or http://' }] }
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail: details[status] ?? title,
    ...errors,
    request_id: '8e2ba427-21ac-4e20-bb9f-c86fb3aac350',
  }
}
