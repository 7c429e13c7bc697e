import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { Choices } from '../../../shared/contracts/api/choices.ts'
import { Preview, PreviewInput } from '../../../shared/contracts/api/preview.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { previewWebhook } from '../preview.ts'
import { choosable } from '../schemes.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const preview = createRoute({
  method: 'post',
  path: '/webhooks/preview',
  tags: ['Webhooks'],
  // nothing changes by it
  ...needs('read'),
  summary: 'Try a webhook without making it',
  description:
    'What its subscriptions would have matched in the last days, and what the newest of it would look like in its format. Nothing is kept, nothing is sent.',
  request: body(PreviewInput),
  responses: { 200: json(Preview, 'What would be.'), ...refusals(404, ...badBody) },
})
const choices = createRoute({
  method: 'get',
  path: '/choices',
  tags: ['Webhooks'],
  ...needs('read'),
  summary: 'Formats, schemes and adapters',
  description: 'The names that can be given when a webhook or a source is registered, and the settings that each has.',
  responses: { 200: json(Choices, 'What there is.'), ...refusals() },
})

export function addPreviewRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  const { formats, schemes, adapters } = deps
  app.openapi(guard(preview), async (c) => c.json(await previewWebhook(c.get('key').organizationId, c.req.valid('json'), deps), 200))
  app.openapi(guard(choices), (c) => {
    const forWebhooks = new Set(choosable(schemes))
    const known: Choices = {
      formats: formats.all().map(({ name, description, settings, renderBatch }) => ({
        name,
        description,
        batches: renderBatch !== undefined,
        settings: schemaOf(settings),
      })),
      schemes: schemes.all().map(({ name, description }) => ({ name, description, for_webhooks: forWebhooks.has(name) })),
      adapters: adapters
        .all()
        .map(({ name, description, scheme, settings }) => ({ name, description, scheme, settings: schemaOf(settings) })),
    }
    return c.json(known, 200)
  })
}

const schemaOf = (settings: z.ZodType | undefined) =>
  settings ? (z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>) : null
