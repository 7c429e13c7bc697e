import { z } from 'zod'
import { Filter } from '../filter.ts'
import { time } from './list.ts'

const moment = z.iso.datetime({ offset: true })

export const ReplayInput = z
  .strictObject({
    since: moment.describe('Events accepted at or after this, RFC 3339.'),
    until: moment.optional().describe('Events accepted before this, RFC 3339; now when left out, and never later than now.'),
    filter: Filter.optional().describe('Of these events, those that match; the fields are those of `/events/filter`.'),
  })
  .meta({
    id: 'ReplayInput',
    example: { since: '2026-04-15T00:00:00Z', filter: { field: 'source', op: 'eq', value: 'catalog' } },
  })

export const Replay = z
  .object({
    id: z.string(),
    webhook_id: z.string(),
    since: time('Events accepted at or after this are looked at.'),
    until: time('Events accepted before this are looked at.'),
    filter: Filter.nullable(),
    status: z.enum(['running', 'finished', 'stopped']),
    reason: z.string().nullable().describe('Why it was stopped where nobody asked for it; null otherwise.'),
    events: z.int().describe('Events that there were to look at when it was asked for.'),
    examined: z.int().describe('Events looked at so far.'),
    deliveries: z.int().describe('Deliveries made so far.'),
    created_at: time('When it was asked for.'),
    updated_at: time('When it last moved.'),
  })
  .meta({ id: 'Replay' })
export type Replay = z.infer<typeof Replay>
