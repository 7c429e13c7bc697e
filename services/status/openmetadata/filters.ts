import type { OpenMetadataEventFilter } from '../../../shared/contracts/api/openmetadata.ts'
import type { Subscription } from '../../../shared/contracts/subscription.ts'

type Wish = Pick<Subscription, 'eventType' | 'filters'>
type EventType = OpenMetadataEventFilter['eventType']

/** The last word of the event types that each stands for. */
const words: Record<EventType, string> = {
  entityCreated: 'created',
  entityUpdated: 'updated',
  entitySoftDeleted: 'softDeleted',
  entityDeleted: 'deleted',
}
const eventTypes = Object.keys(words) as EventType[]

/** An event filter is a subscription to every type with its last word. */
export function wishOf({ eventType, entities, include, exclude }: OpenMetadataEventFilter): Wish {
  const filter = { ...(entities && { entities }), ...(include && { include }), ...(exclude && { exclude }) }
  return { eventType: `*.${words[eventType]}`, filters: Object.keys(filter).length > 0 ? { open_metadata: filter } : {} }
}

/**
 * The filters as they were given, as long as they are what is subscribed to; else what is subscribed to, as nearly as
 * OpenMetadata's words can say it: sources, names, owners and tags are conditions that they have no words for.
 */
export function filtersOf(given: OpenMetadataEventFilter[] | undefined, subscriptions: Wish[]): OpenMetadataEventFilter[] {
  const held = new Set(subscriptions.map(keyOf))
  const wished = new Set(given?.map((filter) => keyOf(wishOf(filter))))
  if (given && held.size === wished.size && [...held].every((key) => wished.has(key))) return given
  return subscriptions.flatMap(inTheirWords)
}

function keyOf({ eventType, filters }: Wish): string {
  const { open_metadata: filter, ...others } = filters
  const lists = [filter?.entities, filter?.include, filter?.exclude].map((values) => values && [...new Set(values)].sort())
  return JSON.stringify([eventType, lists, others])
}

function inTheirWords({ eventType: pattern, filters }: Wish): OpenMetadataEventFilter[] {
  const word = pattern.slice(pattern.lastIndexOf('.') + 1)
  const stem = pattern.slice(0, Math.max(0, pattern.lastIndexOf('.')))
  const named = eventTypes.filter((eventType) => words[eventType] === word)
  const { entities: those = filters.entity_types, include = [], exclude } = filters.open_metadata ?? {}
  const entities = those ?? (stem === '' || stem === '*' ? undefined : [stem])
  const wanted = [...include, ...(filters.domains ?? []).map((domain) => `domain:${domain}`)]
  return (word === '*' ? eventTypes : named).map((eventType) => ({
    eventType,
    ...(entities && { entities }),
    ...(wanted.length > 0 && { include: wanted }),
    ...(exclude && { exclude }),
  }))
}
