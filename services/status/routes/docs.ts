import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMiddleware } from 'hono/factory'
import { Filter } from '../../../shared/contracts/filter.ts'
import { RetryPolicy } from '../../../shared/contracts/retry.ts'
import { SubscriptionFilters, SubscriptionInput } from '../../../shared/contracts/subscription.ts'
import { Change, Entity } from '../../../shared/contracts/event.ts'
import { asksBrowser } from '../../../shared/http/ask-browser.ts'
import type { App, AppEnv } from '../../../shared/http/app.ts'
import type { Authenticate } from '../../../shared/http/authenticate.ts'
import type { StatusDeps } from '../deps.ts'
import { writeReference } from '../reference/openapi.ts'
import { describeReceived } from '../reference/received.ts'

const info = {
  title: 'Tidings',
  version: '1',
  description: [
    'Delivers the events of a data catalog as signed webhooks, and keeps a log in which each can be followed to its end and sent again.',
    'Lists answer `{data, meta: {next_cursor, has_more}}`. Times are ISO 8601. Whatever is refused is refused with problem details (RFC 9457) that name the field and say what would be right.',
    'The events themselves, those that are posted and those that arrive at webhooks, are described by AsyncAPI: [/asyncapi.json](/asyncapi.json). What a request to a receiver looks like in each format is under Webhooks at the end of this page.',
    'Every route but `/healthz`, `/readyz`, `/metrics` and the sign-in needs an API key, or a browser that is signed in with one (`POST /session`). A key belongs to one organization and sees nothing of any other: what belongs to another is answered as not found.',
  ].join('\n\n'),
}
const tags = [
  { name: 'Webhooks', description: 'Where events are delivered to.' },
  { name: 'Subscriptions', description: 'Which events a webhook wants.' },
  { name: 'Deliveries', description: 'The log: each event on its way to each webhook, with every attempt.' },
  { name: 'Figures', description: 'How it goes, in numbers.' },
  { name: 'Redeliveries', description: 'Sending many deliveries again.' },
  { name: 'Replays', description: 'Matching old events again for one webhook.' },
  { name: 'Events', description: 'What was accepted, and what came of it.' },
  { name: 'Sources', description: 'Catalogs that may send events in their own words.' },
  { name: 'Event types', description: 'What events there are.' },
  { name: 'Directory', description: 'Users and teams, for webhooks that tell owners, followers or admins.' },
  {
    name: 'OpenMetadata',
    description:
      "The same webhooks as OpenMetadata's webhook entity, in its own words: camelCase, JSON Patch, versions. Webhooks made by either API are shown and steered by both.",
  },
  { name: 'Keys', description: 'Who may do what.' },
  { name: 'Audit', description: 'Who changed what.' },
  { name: 'Sessions', description: 'Signing in with a browser.' },
]
const securitySchemes = { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `tdk_…`.' } }
/** Named once in the document instead of being written out wherever they occur. */
const named = { Filter, RetryPolicy, SubscriptionFilters, SubscriptionInput, Entity, Change }

/** Everything from here: no script inline, nothing fetched from elsewhere, nobody may frame it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Served as they were installed; no other file of the package is reachable. */
const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css',
  'swagger-ui-bundle.js': 'text/javascript',
  'favicon-32x32.png': 'image/png',
}

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tidings API</title>
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="reference"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/reference.js"></script></body>
</html>
`
/** No validator: it would send the document to a server of the makers. */
const script = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#reference', deepLinking: true, docExpansion: 'none', validatorUrl: null })\n`

/** The reference, made from the schemas that validate the requests. */
export function addDocsRoutes(app: App, authenticate: Authenticate, { formats }: Pick<StatusDeps, 'formats'>): void {
  let document: object | undefined
  const webhooks = describeReceived(formats)
  app.use('/openapi.json', asksBrowser('Tidings API, the password is an API key'), authenticate('read'))
  app.get('/openapi.json', (c) => c.json((document ??= writeReference(app, { info, tags, securitySchemes, named, webhooks }))))

  const folder = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')))
  app.use('/docs/*', guarded, asksBrowser('Tidings API, the password is an API key'), authenticate('read'))
  app.get('/docs', (c) => c.html(page))
  app.get('/docs/reference.js', (c) => c.body(script, 200, { 'content-type': 'text/javascript' }))
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async (c) =>
      c.body(await readFile(join(folder, name)), 200, { 'content-type': type, 'cache-control': 'private, max-age=86400' }),
    )
  }
}

const guarded = createMiddleware<AppEnv>(async function secured(c, next) {
  await next()
  c.res.headers.set('content-security-policy', policy)
  c.res.headers.set('referrer-policy', 'no-referrer')
})
