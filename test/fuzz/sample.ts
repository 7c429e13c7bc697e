/** The part of OpenAPI 3.1 that our reference is written in. */
export type Schema = {
  $ref?: string
  example?: unknown
  examples?: unknown[]
  default?: unknown
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  type?: string | string[]
  properties?: Record<string, Schema>
  items?: Schema
  format?: string
  pattern?: string
  minLength?: number
  minimum?: number
}
export type Operation = {
  parameters?: { name: string; in: string; schema?: Schema }[]
  requestBody?: { content: Record<string, { schema?: Schema }> }
}
export type Document = { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } }

/** A value that a schema describes: its example where it has one, else the simplest that there is. */
export function sampleOf(schema: Schema | undefined, document: Document, depth = 0): unknown {
  if (!schema || depth > 6) return null
  if (schema.$ref) return sampleOf(document.components.schemas[schema.$ref.split('/').pop() as string], document, depth + 1)
  const given = schema.example ?? schema.examples?.[0] ?? schema.const ?? schema.enum?.[0] ?? schema.default
  if (given !== undefined) return given
  const one = schema.anyOf?.[0] ?? schema.oneOf?.[0]
  if (one) return sampleOf(one, document, depth + 1)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => sampleOf(part, document, depth + 1)))
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object' || schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([name, member]) => [name, sampleOf(member, document, depth + 1)]),
    )
  if (type === 'array') return [sampleOf(schema.items, document, depth + 1)]
  if (type === 'string') return textOf(schema)
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  return type === 'boolean' ? true : null
}

function textOf({ format, minLength = 0 }: Schema): string {
  if (format === 'date-time') return '2026-04-15T09:00:03Z'
  if (format === 'uri') return 'https://example.com/hook'
  return 'a.type'.padEnd(minLength, 'x')
}
