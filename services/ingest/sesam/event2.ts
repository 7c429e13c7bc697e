import { z } from 'zod'
import { isRecord } from '../json-slice.ts'
import { pathValue } from './subset.ts'

/**
 * Sesam's `-event2` pipe: an event tells only that an entity changed, a lookup tells what it is now, and this says what
 * follows from the two (CONTRACTS §5.2).
 *
 * | Event | Status | Outcome |
 * |---|---|---|
 * | `{criteria}.deletion` | 404 | the entity is deleted, and nothing else is known of it |
 * | `{criteria}.deletion` | allowed | the entity is deleted, and looks as the lookup says |
 * | other | 404 | discarded: it came and went |
 * | other | allowed | the entity looks as the lookup says |
 * | any | any other, or none | again later |
 */
export type LookupResult = { status: number; body: unknown } | { error: string }
export type Enriched = { _id: string; _deleted?: true; [name: string]: unknown }
export type Event2Outcome = { action: 'upsert' | 'delete'; entity: Enriched } | { action: 'discard' } | { action: 'retry'; reason: string }

/** "200,404", "200-299,404": single codes and ranges, both ends included, no white space. */
export const StatusCodes = z
  .string()
  .max(200)
  .regex(
    /^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/,
    'must be status codes and ranges joined by commas, for example `200,404` or `200-299,404`',
  )

export const Event2Rules = z.strictObject({
  criteria: z.string().min(1).max(200).describe('What the events of this kind begin with: `company` for `company.deletion`.'),
  property: z.string().min(1).max(200).describe('The property of the event that holds its type, for example `subscriptionType`.'),
  allowed_status_codes: StatusCodes.default('200,404').describe('Answers of the lookup that are taken; any other is tried again.'),
})
export type Event2Rules = z.infer<typeof Event2Rules>

export function isAllowed(status: number, codes: string): boolean {
  return codes.split(',').some((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return first !== undefined && last !== undefined && status >= first && status <= last
  })
}

export function enrich(event: Record<string, unknown> & { _id: string }, lookup: LookupResult, rules: Event2Rules): Event2Outcome {
  if ('error' in lookup) return { action: 'retry', reason: lookup.error }
  const { status, body } = lookup
  if (!isAllowed(status, rules.allowed_status_codes)) return { action: 'retry', reason: `the lookup answered ${status}` }
  const deleted = pathValue(event, rules.property) === `${rules.criteria}.deletion`
  if (status === 404 && !deleted) return { action: 'discard' }
  const merged = status === 404 ? [] : membersOf(body)
  const entity: Enriched = { _id: event._id, ...(deleted && { _deleted: true }), ...Object.fromEntries(merged) }
  return { action: deleted ? 'delete' : 'upsert', entity }
}

/**
 * DTL `merge`: an entity or several, later ones win; members whose names begin with `_` are Sesam's own and are not
 * taken, so that a response can neither change which entity it is about nor bring a deleted one back.
 */
const membersOf = (body: unknown): [string, unknown][] =>
  (Array.isArray(body) ? body : [body]).flatMap((entity) =>
    isRecord(entity) ? Object.entries(entity).filter(([name]) => !name.startsWith('_')) : [],
  )
