import { z } from 'zod'
import { CustomHeaders } from '../headers.ts'
import { DeliveryMode, RetryPolicy, defaultRetryPolicy } from '../retry.ts'
import { webhookStatuses } from './fields.ts'
import { time } from './list.ts'

const webhookId = z.string().min(1).max(100)
const recipientKind = z.enum(['owners', 'followers', 'admins'])
const distinct = <T>(values: T[]): T[] => [...new Set(values)]

const label = z.string().min(1).max(256).describe('A name for people.')
const secret = z
  .string()
  .min(16)
  .max(512)
  .regex(/^[!-~]+$/, 'must be printable ASCII without spaces')
  .describe('Signing secret of your own. Left out, one is made: `whsec_` and 32 random bytes in base64.')

export const WebhookInput = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .max(2048)
      .describe(
        'Where to deliver: `https:` or `http:`, without user, password or fragment. Must not lead to a private address, or to another port than 80, 443, 8080 and 8443, unless the operator allows it.',
      ),
    label: label.nullable().default(null),
    active: z
      .boolean()
      .default(true)
      .describe('An inactive webhook gets nothing, and its open deliveries are cancelled when their time comes.'),
    scheme: z
      .string()
      .min(1)
      .max(100)
      .default('standard-webhooks')
      .describe('How requests are signed: the name of a scheme, for example `standard-webhooks` or `ptolemy`.'),
    format: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe(
        'How payloads are written: the name of a format, for example `tidings`, `ptolemy` or `cloudevents`. Left out: the one that the URL calls for (Slack, Teams, Google Chat, PagerDuty), else `tidings`.',
      ),
    headers: CustomHeaders.default({}),
    format_settings: z
      .record(z.string().max(100), z.unknown())
      .default({})
      .describe('Settings of the format, where it has any: a `routing_key` of PagerDuty, the `template` of a template. Stored sealed.'),
    retry: RetryPolicy.default(defaultRetryPolicy).describe(
      'When a failed delivery is tried again. Taken into a delivery when it is queued; later changes hold for later deliveries.',
    ),
    mode: DeliveryMode.optional().describe(
      '`direct`: one attempt for each delivery, and one that fails is logged and goes no further. `queued`: tried again as `retry` says. Left out: what `retry` says.',
    ),
    timeout_ms: z
      .int()
      .min(1_000)
      .max(30_000)
      .default(10_000)
      .describe('Milliseconds for the whole of one request: connection, headers and body.'),
    batch_size: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .describe(
        'Events of one request at most. What comes together is sent together, up to this number; nothing is held back to fill a batch. Above 1, a format that has batches is needed.',
      ),
    order: z
      .enum(['entity', 'webhook'])
      .nullable()
      .default(null)
      .describe(
        '`entity`: events of one entity are delivered in the order in which they were accepted, and one that fails holds back those of its entity until it has succeeded or its attempts are used up. `webhook`: the same for all events of the webhook. null: as fast as possible, in no promised order.',
      ),
    max_in_flight: z
      .int()
      .min(1)
      .max(1_000)
      .nullable()
      .default(null)
      .describe('Requests under way at once, over all dispatchers. null: at most half of what the dispatchers can do at once.'),
    rate_limit: z
      .int()
      .min(1)
      .max(100_000)
      .nullable()
      .default(null)
      .describe('Requests a second, over all dispatchers; those above it wait. null: no limit.'),
    triggers: z
      .array(webhookId)
      .max(20)
      .transform(distinct)
      .default([])
      .describe(
        'Ids of webhooks that get an event once this one has it, whatever they subscribe to; 20 at most. With `fallback`, they must not lead back to this webhook.',
      ),
    fallback: webhookId
      .nullable()
      .default(null)
      .describe('Id of the webhook that gets an event when the attempts of this one are used up, whatever it subscribes to. null: none.'),
    recipients: z
      .array(recipientKind)
      .transform(distinct)
      .default([])
      .describe(
        'Who is told beside this webhook: owners and followers of the entity, admins of the directory. The formats `tidings` and `openmetadata` name them in `recipients`; those who have a webhook of their own in the directory get the event there.',
      ),
    secret: secret.optional(),
  })
  .meta({ id: 'WebhookInput', example: { url: 'https://your-app.example.com/webhooks/ptolemy', label: 'production', active: true } })
export type WebhookInput = z.infer<typeof WebhookInput>

const whole = WebhookInput.shape
/** RFC 7396: members left out stay, `null` goes back to the default. */
export const WebhookPatch = z
  .strictObject({
    url: whole.url.optional(),
    label: label.nullable().optional(),
    active: z.boolean().nullable().optional(),
    scheme: z.string().nullable().optional(),
    format: z.string().nullable().optional(),
    headers: z.record(z.string(), z.string().nullable()).nullable().optional().describe('Merged header by header; `null` removes one.'),
    format_settings: z.record(z.string(), z.unknown()).nullable().optional().describe('Merged member by member; `null` removes one.'),
    retry: z
      .record(z.string(), z.unknown())
      .nullable()
      .optional()
      .describe('Merged member by member; with another `strategy` it is replaced.'),
    mode: DeliveryMode.nullable().optional().describe('Sets `retry`: to one attempt, or to the default if it was one attempt.'),
    timeout_ms: z.int().nullable().optional(),
    batch_size: z.int().nullable().optional(),
    order: z.string().nullable().optional(),
    max_in_flight: z.int().nullable().optional(),
    rate_limit: z.int().nullable().optional(),
    triggers: z.array(z.string()).nullable().optional(),
    fallback: z.string().nullable().optional(),
    recipients: z.array(z.string()).nullable().optional(),
    secret: secret.optional().describe('Replaces every secret at once. `rotate-secret` lets the old one sign for a while longer.'),
  })
  .meta({ id: 'WebhookPatch', example: { active: false } })
export type WebhookPatch = z.infer<typeof WebhookPatch>

const FailureDetails = z
  .object({
    last_failed_at: time('When an attempt last failed.'),
    last_failed_status_code: z.int().nullable().describe('The HTTP status answered then; null when there was no answer.'),
    last_failed_reason: z.string().nullable().describe('What went wrong, in words.'),
    next_attempt: time('When that delivery is tried again; null when it is not.').nullable(),
  })
  .meta({ id: 'FailureDetails' })

export const Webhook = z
  .object({
    id: z.string().describe('UUID.'),
    url: z.string().describe('Where it delivers to. For keys that may not write, parts that look like a secret read `***`.'),
    label: z.string().nullable(),
    active: z.boolean().describe('Whether it is switched on.'),
    created_at: time('When it was created.'),
    updated_at: time('When it was last changed.'),
    status: z
      .enum(webhookStatuses)
      .describe(
        '`active`: all is well · `failing`: the last attempt failed · `disabled`: switched off, by a person or, with `disabled_reason`, by Tidings.',
      ),
    disabled_reason: z.string().nullable().describe('Why Tidings switched it off; null otherwise. Set `active` to true to start it again.'),
    failure_details: FailureDetails.nullable().describe('The last failure, null when there never was one.'),
    scheme: z.string().describe('How requests are signed.'),
    format: z.string().describe('How payloads are written.'),
    headers: z.record(z.string(), z.string()).describe('Names of the custom headers; values are hidden.'),
    format_settings: z
      .record(z.string(), z.unknown())
      .describe('Settings of the format; values that are secrets by their name are hidden.'),
    retry: RetryPolicy,
    mode: DeliveryMode.describe('`direct`: `retry` allows one attempt. `queued`: it allows more.'),
    timeout_ms: z.int().describe('Milliseconds for one request.'),
    batch_size: z.int().describe('Events of one request at most.'),
    order: z.enum(['entity', 'webhook']).nullable().describe('What is delivered in order; null: nothing.'),
    max_in_flight: z.int().nullable().describe('Requests under way at once; null: a share of what the dispatchers can do.'),
    rate_limit: z.int().nullable().describe('Requests a second; null: no limit.'),
    triggers: z.array(z.string()).describe('Webhooks that get an event once this one has it.'),
    fallback: z.string().nullable().describe('The webhook that gets an event when this one has failed to take it.'),
    recipients: z.array(recipientKind).describe('Who is told beside this webhook.'),
    secrets: z
      .array(
        z.object({
          created_at: time('When it was made.'),
          expires_at: time('Until when it signs; null: until it is replaced.').nullable(),
        }),
      )
      .describe('Secrets that sign at present, newest first, without their values.'),
  })
  .meta({ id: 'Webhook' })
export type Webhook = z.infer<typeof Webhook>

export const WebhookWithSecret = Webhook.extend({
  secret: z.string().describe('Shown this once. Store it where the receiver verifies signatures.'),
}).meta({ id: 'WebhookWithSecret' })

export const RotateInput = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(604_800)
      .default(86_400)
      .describe('How long the old secret goes on signing beside the new one, seconds; 24 h by default, 7 days at most.'),
  })
  .meta({ id: 'RotateSecretInput' })

export const TestAccepted = z
  .object({
    event_id: z.string().describe('The event of type `webhook.test` that was accepted.'),
    delivery_id: z.string().describe('Its delivery; look at `/webhook-deliveries/{id}`.'),
  })
  .meta({ id: 'WebhookTest' })
