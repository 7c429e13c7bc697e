import { z } from 'zod'
import { time } from './list.ts'

export const Scope = z
  .enum(['ingest', 'read', 'write', 'admin'])
  .describe('`ingest`: post events · `read`: look at everything · `write`: read and change · `admin`: all of these, and keys and queues.')

const label = z.string().min(1).max(200).describe('Who or what uses the key.')
const scopes = z.array(Scope).min(1).max(4).describe('What it may do.')
const expiry = z.iso.datetime({ offset: true })
const rateLimit = z.number().int().min(1).max(100_000)
const limitMeaning = 'Requests a second, 1 to 100000, of ingest and of this API each; null: what the settings say.'

export const KeyInput = z
  .strictObject({
    label,
    scopes,
    expires_at: expiry.optional().describe('When it stops working, RFC 3339, in the future; never when left out.'),
    rate_limit: rateLimit.nullable().optional().describe(limitMeaning),
  })
  .meta({ id: 'KeyInput', example: { label: 'catalog', scopes: ['ingest'] } })
export type KeyInput = z.infer<typeof KeyInput>

export const KeyPatch = z
  .strictObject({
    label: label.optional(),
    scopes: scopes.optional(),
    expires_at: expiry.nullable().optional().describe('When it stops working, RFC 3339, in the future; null: never.'),
    rate_limit: rateLimit.nullable().optional().describe(limitMeaning),
  })
  .meta({ id: 'KeyPatch', example: { label: 'catalog of the north', expires_at: null } })
export type KeyPatch = z.infer<typeof KeyPatch>

export const KeyRotation = z
  .strictObject({
    overlap_seconds: z
      .number()
      .int()
      .min(0)
      .max(604_800)
      .default(86_400)
      .describe(
        'How long the old key is taken too, seconds, at most a week; 0: not at all, and browsers that were signed in with it are signed out.',
      ),
  })
  .meta({ id: 'KeyRotation', example: { overlap_seconds: 86_400 } })

export const Key = z
  .object({
    id: z.string(),
    label: z.string(),
    scopes: z.array(Scope),
    created_at: time('When it was made.'),
    expires_at: time('When it stops working.').nullable(),
    last_used_at: time('When it was last used, to the minute.').nullable(),
    rate_limit: z.number().int().nullable().describe(limitMeaning),
    previous_expires_at: time('After a rotation: until when the key it had before is taken too.').nullable(),
  })
  .meta({ id: 'ApiKey' })
export type Key = z.infer<typeof Key>

export const KeyWithText = Key.extend({
  key: z.string().describe('The key itself, shown this once. Sent as `Authorization: Bearer …`.'),
}).meta({ id: 'ApiKeyWithText' })
