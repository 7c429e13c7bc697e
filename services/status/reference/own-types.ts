import { z } from 'zod'
import type { OwnType } from '../../../shared/own-event.ts'

type Described = { description: string; data: z.ZodType<Record<string, unknown>>; example: Record<string, unknown> }
const nullable = <T extends z.ZodType>(schema: T, text: string) => schema.nullable().describe(text)

const webhook_id = z.string().describe('The webhook that it is about.')
const failing = {
  failing_since: z.iso.datetime().describe('The first failure after the last success.'),
  consecutive_failures: z.int().describe('Failures in a row.'),
  last_failed_status_code: nullable(z.int(), 'What was answered last, where something was.'),
  last_failed_reason: nullable(z.string(), 'Why it failed last.'),
}
const webhookId = '01a220b4-6965-763d-93fd-0bbfa9112505'
const seen = {
  failing_since: '2026-11-23T05:50:24.000Z',
  consecutive_failures: 41,
  last_failed_status_code: 503,
  last_failed_reason: 'answered 503',
}

/** What Tidings tells of its own work: `data` of each of its events. One subscribes to it by name, or with `webhook.*`. */
export const ownTypes: Record<OwnType, Described> = {
  'webhook.test': {
    description: 'Somebody asked for a test of this webhook. It goes to no other.',
    data: z.object({ webhook_id, message: z.string().describe('For people.') }),
    example: { webhook_id: webhookId, message: 'This is a test. If its signature verifies, your endpoint is ready.' },
  },
  'webhook.failing': {
    description: 'A webhook has done nothing but fail for a day or more, and will be switched off.',
    data: z.object({
      webhook_id,
      ...failing,
      is_disabled_at: z.iso.datetime().describe('When it will be switched off if nothing succeeds before.'),
    }),
    example: { webhook_id: webhookId, ...seen, is_disabled_at: '2026-11-28T05:50:24.000Z' },
  },
  'webhook.disabled': {
    description: 'A webhook was switched off: it failed for days, or answered 410 Gone.',
    data: z.object({ webhook_id, reason: z.string().describe('Why.'), ...z.object(failing).partial().shape }),
    example: { webhook_id: webhookId, ...seen, reason: 'nothing but failures for 5 days' },
  },
  'delivery.failed': {
    description: 'A delivery has used up its attempts, or was refused for good.',
    data: z.object({
      delivery_id: z.string(),
      webhook_id,
      event_id: z.string().describe('The event that did not arrive.'),
      event_type: z.string(),
      attempts: z.int(),
      outcome: z.string().describe('Of the last attempt: `rejected`, `timed_out`, `unreachable`, `blocked` or `interrupted`.'),
      status_code: nullable(z.int(), 'What was answered last, where something was.'),
      error: nullable(z.string(), 'What went wrong on the way, where something did.'),
      decision: z.string().describe('Why it is not tried again.'),
    }),
    example: {
      delivery_id: '01a220b4-6a9a-85db-af10-da9f0eeef4f2',
      webhook_id: webhookId,
      event_id: '01a220b4-6a9a-7078-9b42-7cbb6113ac75',
      event_type: 'table.updated',
      attempts: 18,
      outcome: 'rejected',
      status_code: 500,
      error: null,
      decision: 'answered 500; attempts are used up',
    },
  },
}
