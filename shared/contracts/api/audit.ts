import { z } from 'zod'
import { PageQuery, time } from './list.ts'

const wanted = (what: string) => z.string().min(1).max(500).optional().describe(what)

export const AuditQuery = PageQuery.extend({
  actor: wanted('Only what this API key did: its id.'),
  action: wanted('Only this: method and path as the reference has them, `PATCH /webhooks/{id}`.'),
  target_type: wanted('Only what was done to records of this kind: `webhooks`.'),
  target_id: wanted('Only what was done to this record: its id, or its name where it has no id.'),
})

export const AuditEntry = z
  .object({
    seq: z.number().int().describe('Grows with each entry.'),
    at: time('When it was done.'),
    actor: z.string().describe('Id of the API key that asked, or that the browser was signed in with.'),
    actor_label: z.string().nullable().describe('Its label at that time.'),
    action: z.string().describe('Method and path as the reference has them.'),
    target_type: z.string(),
    target_id: z.string().nullable(),
    before: z.unknown().describe('As the API showed it before to a key that may only read, so without secrets; null: it was not there.'),
    after: z.unknown().describe('The same after it.'),
    request_id: z.string().nullable(),
    hash: z.string().describe('SHA-256 over this entry and the hash of the one before it.'),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditCheck = z
  .object({
    valid: z.boolean().describe('Whether no entry was changed, taken out or put in.'),
    entries: z.number().int().describe('How many were checked.'),
    broken_at: z.number().int().nullable().describe('`seq` of the first that does not fit.'),
    head: z
      .string()
      .nullable()
      .describe('Hash of the last entry that fits. Noted elsewhere, it shows later that nothing was cut off at the end.'),
  })
  .meta({ id: 'AuditCheck' })
