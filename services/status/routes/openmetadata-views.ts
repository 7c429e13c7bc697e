import type { Context, TypedResponse } from 'hono'
import { z } from 'zod'
import type { OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import type { AppEnv } from '../../../shared/http/app.ts'
import { negotiate } from '../../../shared/http/negotiate.ts'
import { jsonLdOf } from '../openmetadata/json-ld.ts'
import { turtleOf } from '../openmetadata/turtle.ts'
import { json, jsonType } from './route.ts'

/** OpenMetadata's webhook as JSON, and as linked data for who asks for it. */
const jsonLdType = 'application/ld+json'
const turtleType = 'text/turtle'

const JsonLd = z
  .record(z.string(), z.unknown())
  .meta({ id: 'OpenMetadataWebhookJsonLd', description: 'JSON-LD 1.1 with the context of the documentation; of a list, its `@graph`.' })
const Turtle = z
  .string()
  .meta({ id: 'OpenMetadataWebhookTurtle', description: 'RDF 1.1 Turtle in the vocabulary of the documentation (`om-webhook:`).' })

export const views = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: {
    ...json(schema, description).content,
    [jsonLdType]: { schema: JsonLd },
    [turtleType]: { schema: Turtle },
  } as { 'application/json': { schema: T } },
})

/** The view that the caller likes better than JSON, if there is one. Its type is that of no answer: text is not in the routes. */
export function viewIn(
  c: Context<AppEnv>,
  webhooks: OpenMetadataWebhook | OpenMetadataWebhook[],
): (Response & TypedResponse<never, 200, 'json'>) | undefined {
  c.header('vary', 'Accept')
  const type = negotiate(c, [jsonType, jsonLdType, turtleType])
  if (type === jsonType) return undefined
  const text = type === jsonLdType ? JSON.stringify(jsonLdOf(webhooks)) : turtleOf([webhooks].flat())
  const contentType = type === jsonLdType ? type : `${type}; charset=utf-8`
  return c.body(text, 200, { 'content-type': contentType }) as Response as Response & TypedResponse<never, 200, 'json'>
}

/** For views that have no place of their own for `paging.after` (RFC 8288). */
export function linkToNext(c: Context<AppEnv>, root: string, after: string | undefined): void {
  if (after === undefined) return
  const query = new URLSearchParams({ ...c.req.query(), after })
  c.header('link', `<${root}?${query.toString()}>; rel="next"`)
}
