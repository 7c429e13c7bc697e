import type { Envelope } from './contracts/event.ts'
import type { Subscription, SubscriptionFilters } from './contracts/subscription.ts'
import { openMetadataObstacle } from './openmetadata-filter.ts'
import { ownSource } from './own-event.ts'

/** Why a subscription wants an event, or which clause keeps it from wanting it. */
export type Verdict = { matched: true; reason: string } | { matched: false; clause: string; reason: string }

export type Clause = Exclude<keyof SubscriptionFilters, 'open_metadata'>

/** What of the event each clause looks at; several values where any may hold. */
export const subjects: Record<Clause, (event: Envelope) => string[]> = {
  sources: (event) => [event.source],
  entity_types: (event) => present(event.entity?.type),
  names: (event) => present(event.entity?.name),
  domains: (event) => present(event.entity?.domain),
  owners: (event) => event.entity?.owners ?? [],
  tags: (event) => event.entity?.tags ?? [],
}
export const clauses = Object.keys(subjects) as Clause[]
const present = (value: string | undefined) => (value === undefined ? [] : [value])

export function explainMatch(event: Envelope, subscription: Pick<Subscription, 'webhookId' | 'eventType' | 'filters'>): Verdict {
  const { eventType, filters } = subscription
  const own = ownObstacle(event, subscription)
  if (own) return { matched: false, clause: 'event_type', reason: own }
  if (!typeMatches(eventType, event.type)) {
    return { matched: false, clause: 'event_type', reason: `the type "${event.type}" is not covered by "${eventType}"` }
  }
  for (const clause of clauses) {
    const wanted = filters[clause]
    if (wanted === undefined) continue
    const values = subjects[clause](event)
    const holds =
      clause === 'names'
        ? values.some((name) => wanted.some((glob) => globMatches(glob, name)))
        : values.some((value) => wanted.includes(value))
    if (!holds) return { matched: false, clause, reason: `the event has ${describe(values)}, wanted is ${describe(wanted)}` }
  }
  const obstacle = filters.open_metadata && openMetadataObstacle(event, filters.open_metadata)
  if (obstacle) return { matched: false, clause: 'open_metadata', reason: obstacle }
  const held = [...clauses, 'open_metadata' as const].filter((clause) => filters[clause] !== undefined)
  return { matched: true, reason: `"${eventType}" covers the type${held.length > 0 ? `, and these hold: ${held.join(', ')}` : ''}` }
}

/** What Tidings tells of itself goes to who asks for it, and never to the webhook that it is about. */
export function ownObstacle(event: Envelope, { webhookId, eventType }: Pick<Subscription, 'webhookId' | 'eventType'>): string | undefined {
  if (event.source !== ownSource) return undefined
  if (eventType === '*') return '"*" covers what sources report; events of Tidings itself are subscribed to by name'
  return event.entity?.id === webhookId ? 'it is about this webhook itself' : undefined
}

const describe = (values: string[]) => (values.length === 0 ? 'none' : values.map((value) => `"${value}"`).join(' or '))

/** `*` covers all, `table.*` everything below `table.`, `*.updated` everything that ends so, anything else itself. */
export function typeMatches(pattern: string, type: string): boolean {
  if (pattern === '*') return true
  if (pattern.startsWith('*.')) return type.endsWith(pattern.slice(1))
  return pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type
}

/** `*` any run of characters, `?` one; the rest literal. Linear: goes back to the last `*` only, so no glob can stall us. */
export function globMatches(glob: string, text: string): boolean {
  let g = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++
      resume = t
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++
      t++
    } else if (star >= 0) {
      g = star + 1
      t = ++resume
    } else return false
  }
  while (glob[g] === '*') g++
  return g === glob.length
}
