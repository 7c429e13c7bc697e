import { z } from 'zod'
import { EventSummary } from './event.ts'
import { time } from './list.ts'
import { SubscriptionSet } from './subscription.ts'

export const PreviewInput = z
  .strictObject({
    webhook_id: z
      .string()
      .max(100)
      .optional()
      .describe('A webhook whose hidden settings and secrets are used where they are not given here.'),
    url: z.string().max(2048).optional().describe('Tells the format where none is given, as it does for a new webhook.'),
    label: z.string().max(256).nullable().optional(),
    format: z.string().min(1).max(100).optional().describe('The name of a format.'),
    format_settings: z.record(z.string().max(100), z.unknown()).default({}).describe('Settings of the format.'),
    subscriptions: SubscriptionSet.default([]),
    event_id: z.string().max(100).optional().describe('The event to write; left out: the newest that would have matched.'),
    days: z.int().min(1).max(30).default(7).describe('How far to look back for what would have matched.'),
  })
  .meta({ id: 'PreviewInput', example: { format: 'slack', subscriptions: ['table.*'] } })
export type PreviewInput = z.infer<typeof PreviewInput>

export const Preview = z
  .object({
    matching: z
      .object({
        matched: z.int().describe('Events that would have matched.'),
        looked_at: z.int().describe('Events that were looked at, newest first.'),
        since: time('How far back they go.'),
        all: z.boolean().describe('Whether these are all of the time; false: there were more than are looked at.'),
        events: z.array(EventSummary).describe('The newest that would have matched, at most 10.'),
      })
      .describe('What the subscriptions would have matched.'),
    payload: z
      .object({
        event_id: z.string().nullable().describe('The event that is written; null: a made-up one, as there was none.'),
        format: z.string(),
        content_type: z.string(),
        headers: z.record(z.string(), z.string()).describe('Further headers that the format sends.'),
        body: z.string(),
        body_encoding: z.enum(['utf8', 'base64']),
        bytes: z.int(),
      })
      .nullable()
      .describe('What would be sent; null: see `problem`.'),
    problem: z.string().nullable().describe('Why nothing could be written.'),
  })
  .meta({ id: 'Preview' })
export type Preview = z.infer<typeof Preview>
