import { z } from 'zod'
import { OpenMetadataFilter } from '../subscription.ts'
import { CustomHeaders } from '../headers.ts'

/** OpenMetadata's webhook entity, in its own words. The only API of ours whose members are in camelCase. */
export const openMetadataEventTypes = ['entityCreated', 'entityUpdated', 'entitySoftDeleted', 'entityDeleted'] as const
export const openMetadataStatuses = ['active', 'disabled', 'failed', 'awaitingRetry', 'retryLimitReached'] as const
/** What stands where a secret is. Sent back, it means the one that is there. */
export const secretMask = '*********'

export const OpenMetadataEventFilter = z
  .strictObject({
    eventType: z.enum(openMetadataEventTypes).describe('`entityUpdated` is every event type that ends in `.updated`, and so on.'),
    ...OpenMetadataFilter.shape,
  })
  .meta({ id: 'OpenMetadataEventFilter' })
export type OpenMetadataEventFilter = z.infer<typeof OpenMetadataEventFilter>

const forbidden = /^(metadata|metadata-flavor|x-aws-ec2-metadata-token|x-metadata-token|x-openmetadata-signature|x-om-signature)$/
const plainJson = /^application\/json(\s*;\s*charset=utf-8)?$/i

/** `content-type` stands in many examples: what is sent in any case may be said, anything else would be without effect. */
function headerFault(name: string, value: string): string | undefined {
  if (name.toLowerCase() === 'content-type')
    return plainJson.test(value) ? undefined : 'can only be application/json, which is what is sent'
  if (forbidden.test(name.toLowerCase())) return 'is a header that no webhook may set'
  const issue = CustomHeaders.safeParse({ [name]: value }).error?.issues[0]
  return issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message
}

const Headers = z
  .record(z.string().min(1), z.string())
  .superRefine((headers, context) => {
    const names = Object.keys(headers)
    const refuse = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
    for (const [name, value] of Object.entries(headers)) {
      const fault = headerFault(name, value)
      if (fault) refuse(name, fault)
      else if (names.find((other) => other.toLowerCase() === name.toLowerCase()) !== name) refuse(name, 'is there twice, spelt differently')
    }
    if (names.length > 20) context.addIssue({ code: 'custom', message: 'must be at most 20 headers' })
  })
  .describe(
    `Headers sent with each request. Not those of the connection, of Tidings itself or of a cloud's metadata service. Values are never shown again: \`${secretMask}\` stands in their place.`,
  )

const recipients = (whom: string) =>
  z
    .boolean()
    .default(false)
    .describe(
      `Whether ${whom} are told: they stand in \`recipients\` of the body, and those with a webhook of their own in the directory get the event there.`,
    )

export const OpenMetadataConfig = z
  .strictObject({
    endpoint: z
      .string()
      .min(1)
      .max(2048)
      .describe('Where to deliver: `https:` or `http:`, not to a private address. Parts that are secrets read `***` when shown.'),
    secretKey: z
      .string()
      .max(512)
      .transform((key) => key || undefined)
      .optional()
      .describe(`Signs each request in \`X-OpenMetadata-Signature\`. Empty or left out: unsigned. Shown as \`${secretMask}\`.`),
    sendToAdmins: recipients('admins'),
    sendToOwners: recipients('owners of the entity'),
    sendToFollowers: recipients('followers of the entity'),
    headers: Headers.optional(),
    timeout: z.int().min(1).max(30).default(10).describe('Seconds for the whole of one request.'),
  })
  .meta({ id: 'OpenMetadataWebhookConfig' })

const text = (what: string, max = 10_000) => z.string().max(max).describe(what)

const EntityReference = z
  .strictObject({
    id: text('Identifier in its catalog.', 500).optional(),
    type: z.string().min(1).max(200).describe('`team`, `user`, `domain` …'),
    name: z.string().min(1).max(3072).optional(),
    fullyQualifiedName: z.string().min(1).max(3072).optional(),
    displayName: text('A name for people.').optional(),
    description: text('Markdown.').optional(),
    deleted: z.boolean().optional(),
    inherited: z.boolean().optional(),
    href: z.url().max(3000).optional(),
  })
  .refine((it) => it.id !== undefined || it.name !== undefined || it.fullyQualifiedName !== undefined, {
    path: ['name'],
    message: 'is missing: a reference needs a name, a fullyQualifiedName or an id',
  })
  .meta({ id: 'OpenMetadataReference' })

const WebhookReference = EntityReference.refine((it) => it.type === 'webhook', { path: ['type'], message: 'must be "webhook"' })
export type WebhookReference = z.infer<typeof WebhookReference>

const TagLabel = z
  .strictObject({
    tagFQN: z.string().min(1).max(3072).describe('`Integration.PagerDuty`'),
    name: text('Its own name.').optional(),
    displayName: text('A name for people.').optional(),
    description: text('Markdown.').optional(),
    style: z.record(z.string(), z.unknown()).optional(),
    source: z.enum(['Classification', 'Glossary']).optional(),
    labelType: z.enum(['Manual', 'Propagated', 'Automated', 'Derived', 'Generated']).optional(),
    state: z.enum(['Suggested', 'Confirmed']).optional(),
    href: z.url().max(3000).optional(),
  })
  .meta({ id: 'OpenMetadataTagLabel' })

export const OpenMetadataInput = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(256)
      .regex(/^(?!.*::)/s, 'must not contain "::"')
      .describe('Unique among the webhooks of the organization, deleted ones included.'),
    fullyQualifiedName: z.string().min(1).max(3072).optional().describe('The same as the name where it is left out.'),
    displayName: text('A name for people.').optional(),
    description: text('Markdown.').optional(),
    webhookType: z
      .enum(['Generic', 'Slack', 'MSTeams', 'GoogleChat', 'Custom'])
      .describe(
        "How the body is written. `Generic` and `Custom`: OpenMetadata's event as documented; to `events.pagerduty.com` with an `Authorization: Token token=…`, PagerDuty's own.",
      ),
    enabled: z.boolean().default(true),
    batchSize: z
      .int()
      .min(1)
      .max(100)
      .default(10)
      .describe(
        'Events of one request at most; nothing is held back to fill a batch. 1: the event itself; above: `{"data": […], "paging": {"total": n}}`, also around a single one. What has no form for several (PagerDuty) gets them one by one.',
      ),
    eventFilters: z.array(OpenMetadataEventFilter).max(100).describe('An event is delivered when any of these wants it.'),
    webhookConfig: OpenMetadataConfig,
    owner: EntityReference.optional(),
    domain: EntityReference.optional(),
    tags: z.array(TagLabel).max(100).nullable().default(null),
    triggers: z
      .array(WebhookReference)
      .max(20)
      .optional()
      .describe('Webhooks that get an event once this one has it. With `fallback`, they must not lead back to this webhook.'),
    fallback: WebhookReference.nullish().describe('The webhook that gets an event when all retries of this one are used up.'),
    extension: z.record(z.string().min(1).max(256), z.unknown()).optional().describe('Custom properties.'),
  })
  .meta({ id: 'OpenMetadataWebhookInput' })
export type OpenMetadataInput = z.infer<typeof OpenMetadataInput>
export type OpenMetadataConfig = OpenMetadataInput['webhookConfig']

const milliseconds = (what: string) => z.int().describe(`${what} Milliseconds since 1970.`)
const FieldChanges = z.array(z.object({ name: z.string(), oldValue: z.unknown().optional(), newValue: z.unknown().optional() }))

export const OpenMetadataChange = z
  .object({ fieldsAdded: FieldChanges, fieldsUpdated: FieldChanges, fieldsDeleted: FieldChanges, previousVersion: z.number() })
  .meta({ id: 'OpenMetadataChangeDescription' })
export type OpenMetadataChange = z.infer<typeof OpenMetadataChange>

export const OpenMetadataWebhook = OpenMetadataInput.extend({
  id: z.string().describe('UUID; the same webhook stands at `/webhooks/{id}`.'),
  fullyQualifiedName: z.string(),
  status: z
    .enum(openMetadataStatuses)
    .describe(
      '`active` · `disabled`: switched off · `awaitingRetry`: no answer in time, or 4xx or 5xx, and it is tried again · `failed`: no connection, 1xx, 3xx, or refused for good · `retryLimitReached`: all retries of a delivery were in vain, and nothing has succeeded since.',
    ),
  failureDetails: z
    .object({
      lastFailedAt: milliseconds('When an attempt last failed.'),
      lastFailedStatusCode: z.int().optional(),
      lastFailedReason: z.string().optional(),
      nextAttempt: milliseconds('When that delivery is tried again.').optional(),
    })
    .optional(),
  version: z.number().describe('0.1 at first, 0.1 more with each change made here.'),
  updatedAt: milliseconds('When this version was made.'),
  updatedBy: z.string().describe('The label of the API key that made it.'),
  href: z.string(),
  changeDescription: OpenMetadataChange.optional(),
  deleted: z.boolean(),
}).meta({ id: 'OpenMetadataWebhook' })
export type OpenMetadataWebhook = z.infer<typeof OpenMetadataWebhook>
