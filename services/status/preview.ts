import type { Preview, PreviewInput } from '../../shared/contracts/api/preview.ts'
import type { Event } from '../../shared/contracts/event.ts'
import type { SubscriptionFilters } from '../../shared/contracts/subscription.ts'
import { explainMatch } from '../../shared/match.ts'
import { formatByUrl } from '../../shared/payload/format-by-url.ts'
import type { RenderContext } from '../../shared/payload/format.ts'
import { createSecret } from '../../shared/id.ts'
import { Problem, invalid } from '../../shared/problem.ts'
import { secretsIn } from './bodies.ts'
import type { StatusDeps } from './deps.ts'
import { summaryOf } from './events.ts'
import { notFound } from './refuse.ts'
import { hidden, inForce, iso, openSettings } from './shape.ts'
import { find, settingsErrors } from './webhooks.ts'

type Deps = Pick<StatusDeps, 'storage' | 'formats' | 'vault' | 'clock' | 'log'>
const dayMs = 86_400_000
/** Events that are held against the subscriptions: enough to judge by, few enough to be looked at while somebody types. */
const maxLookedAt = 2_000
const maxShown = 10

/** What a webhook would have got in the last days, and what the newest of it would look like. Nothing is kept or sent. */
export async function previewWebhook(organizationId: string, input: PreviewInput, deps: Deps): Promise<Preview> {
  const context = await contextOf(organizationId, input, deps)
  const name = input.format ?? formatByUrl(input.url ?? '') ?? 'tidings'
  checkFormat(name, context.settings, deps)
  const matching = await match(organizationId, input, deps)
  const event = (await chosen(organizationId, input.event_id ?? matching.events[0]?.id, deps)) ?? madeUp(organizationId, deps.clock.now())
  return { matching, ...render(name, event, context, deps) }
}

async function contextOf(organizationId: string, input: PreviewInput, deps: Deps): Promise<RenderContext> {
  const webhook = input.webhook_id === undefined ? undefined : await find(organizationId, input.webhook_id, deps)
  const stored = webhook ? openSettings(webhook, deps.vault) : {}
  // what is shown hidden is sent back hidden, and stands for what is stored
  const settings = Object.fromEntries(
    Object.entries(input.format_settings).map(([name, value]) => [name, value === hidden ? stored[name] : value]),
  )
  const secrets = webhook
    ? inForce(webhook.secrets, deps.clock.now()).map(({ sealed }) => deps.vault.open(sealed, webhook.id))
    : [createSecret()]
  return { webhook: { id: webhook?.id ?? 'preview', label: input.label ?? webhook?.label ?? null }, settings, secrets }
}

function checkFormat(name: string, settings: Record<string, unknown>, { formats }: Deps): void {
  if (!formats.has(name)) throw invalid([{ path: ['format'], message: `must be one of ${formats.names().join(', ')}` }])
  const errors = settingsErrors(formats.get(name), settings)
  if (errors.length > 0) throw invalid(errors)
}

async function match(
  organizationId: string,
  { subscriptions, days, webhook_id: webhookId = '' }: PreviewInput,
  deps: Deps,
): Promise<Preview['matching']> {
  const since = iso(deps.clock.now() - days * dayMs)
  const page = await deps.storage.events.filter(organizationId, {
    filter: { field: 'received_at', op: 'gte', value: since },
    limit: maxLookedAt,
  })
  const wanted = subscriptions.map((one) =>
    typeof one === 'string'
      ? { webhookId, eventType: one, filters: {} }
      : { webhookId, eventType: one.event_type, filters: filtersOf(one) },
  )
  const matched = page.rows.filter(({ envelope }) => envelope.to === undefined && wanted.some((one) => explainMatch(envelope, one).matched))
  const all = page.nextCursor === null
  const oldest = page.rows.at(-1)
  return {
    matched: matched.length,
    looked_at: page.rows.length,
    since: all || !oldest ? since : iso(oldest.receivedAt),
    all,
    events: matched.slice(0, maxShown).map(summaryOf),
  }
}
const filtersOf = ({ filters }: { filters?: SubscriptionFilters | undefined }): SubscriptionFilters => filters ?? {}

async function chosen(organizationId: string, id: string | undefined, { storage }: Deps): Promise<Event | undefined> {
  if (id === undefined) return undefined
  const found = await storage.events.find(organizationId, id)
  if (!found) throw notFound('event', id)
  return { ...found.envelope, data: found.data }
}

type Rendered = Pick<Preview, 'payload' | 'problem'>

function render(name: string, event: Event, context: RenderContext, { formats, log }: Deps): Rendered {
  try {
    const format = formats.get(name)
    // as it is parsed for a delivery: with the defaults of the format
    const settings = (format.settings?.parse(context.settings) ?? {}) as Record<string, unknown>
    const { contentType, headers = {}, body } = format.render(event, { ...context, settings })
    const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const isText = Buffer.from(buffer.toString('utf8')).equals(buffer)
    const written = {
      body: isText ? masked(buffer.toString('utf8'), settings) : buffer.toString('base64'),
      body_encoding: isText ? ('utf8' as const) : ('base64' as const),
    }
    const event_id = event.id === madeUpId ? null : event.id
    return { payload: { event_id, format: name, content_type: contentType, headers, ...written, bytes: body.length }, problem: null }
  } catch (error) {
    if (error instanceof Problem) throw error
    log.warn({ err: error, format: name }, 'preview not rendered')
    return { payload: null, problem: `the format "${name}" does not write this event: ${(error as Error).message}` }
  }
}

/** What is stored hidden stays so, in the body too. */
const masked = (text: string, settings: Record<string, unknown>) =>
  secretsIn(settings).reduce((shown, secret) => shown.replaceAll(secret, hidden), text)

const madeUpId = '00000000-0000-7000-8000-000000000000'

/** For a new installation, where nothing has happened yet. */
const madeUp = (organizationId: string, now: number): Event => ({
  id: madeUpId,
  organizationId,
  source: 'catalog',
  type: 'table.updated',
  time: iso(now),
  subject: 'warehouse.sales.orders',
  actor: 'ada',
  entity: { type: 'table', id: '42', name: 'warehouse.sales.orders', domain: 'Sales', owners: ['ada'], tags: ['PII.Sensitive'] },
  change: { updated: [{ name: 'description', old_value: 'Orders', new_value: 'Orders, one row for each line' }] },
  data: '{"rows":12345}',
})
