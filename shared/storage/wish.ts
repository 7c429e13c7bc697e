import type { Subscription } from '../contracts/subscription.ts'

/** Equal for two subscriptions that want the same events: neither the order of members nor of values matters. */
export function wishOf({ eventType, filters }: Pick<Subscription, 'eventType' | 'filters'>): string {
  const { open_metadata: openMetadata, ...clauses } = filters
  return JSON.stringify([eventType, heldOf(clauses), openMetadata ? heldOf(openMetadata) : null])
}

const heldOf = (clauses: Record<string, string[] | undefined>) =>
  Object.entries(clauses)
    .filter(([, values]) => values !== undefined)
    .map(([clause, values]) => [clause, [...new Set(values)].sort()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
