import { z } from 'zod'
import { time } from './list.ts'

export const Scope = z
  .enum(['ingest', 'read', 'write', 'admin'])
  .describe('`ingest`: post events · `read`: look at everything · `write`: read and change · `admin`: all of these, and keys and queues.')

export const KeyInput = z
  .strictObject({
    label: z.string().min(1).max(200).describe('Who or what uses the key.'),
    scopes: z.array(Scope).min(1).max(4).describe('What it may do.'),
    expires_at: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('When it stops working, RFC 3339, in the future; never when left out.'),
  })
  .meta({ id: 'KeyInput', example: { label: 'catalog', scopes: ['ingest'] } })
export type KeyInput = z.infer<typeof KeyInput>

export const Key = z
  .object({
    id: z.string(),
    label: z.string(),
    scopes: z.array(Scope),
    created_at: time('When it was made.'),
    expires_at: time('When it stops working.').nullable(),
    last_used_at: time('When it was last used, to the minute.').nullable(),
  })
  .meta({ id: 'ApiKey' })
export type Key = z.infer<typeof Key>

export const KeyWithText = Key.extend({
  key: z.string().describe('The key itself, shown this once. Sent as `Authorization: Bearer …`.'),
}).meta({ id: 'ApiKeyWithText' })
