import { isDeepStrictEqual } from 'node:util'

export type Difference = { member: string; from: unknown; to: unknown }

/** What the API shows in the place of a secret. */
const hidden = '[hidden]'
export const isHidden = (value: unknown): boolean => typeof value === 'string' && (value === hidden || value.includes('***'))

/** Whether what is there is what is wanted; members that only the one that is there has are defaults that it was given. */
export function covers(present: unknown, wanted: unknown): boolean {
  if (isHidden(present)) return true
  if (!isRecord(wanted) || !isRecord(present)) return isDeepStrictEqual(present, wanted)
  return Object.entries(wanted).every(([name, value]) => value === undefined || covers(present[name], value))
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A set of subscriptions without order: neither that of the set, of members nor of values says anything. */
export function subscriptionsOf(list: { event_type: string; filters?: object | undefined }[]): string[] {
  const one = ({ event_type, filters = {} }: (typeof list)[number]) =>
    Object.keys(filters).length > 0 ? `${event_type} ${JSON.stringify(ordered(filters))}` : event_type
  return [...new Set(list.map(one))].sort()
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value))
    return [...new Set(value.map((one) => JSON.stringify(ordered(one))))].sort().map((text) => JSON.parse(text) as unknown)
  if (!isRecord(value)) return value
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, ordered(member)]))
}
