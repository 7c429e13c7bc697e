import type { Change, Envelope } from './contracts/event.ts'
import type { OpenMetadataFilter } from './contracts/subscription.ts'
import { splitType } from './payload/lifecycle.ts'
import { nameParts } from './payload/names.ts'

/**
 * Why an event filter of OpenMetadata does not want an event; undefined: it does. Include tokens of one kind are
 * alternatives, the two kinds (domains, fields) must both be served; a single exclude token that holds decides. Pure.
 */
export function openMetadataObstacle(event: Envelope, { entities, include = [], exclude = [] }: OpenMetadataFilter): string | undefined {
  const type = event.entity?.type ?? splitType(event.type).stem
  if (entities && !entities.includes('*') && !entities.includes(type)) return `the entity is "${type}", wanted is ${list(entities)}`

  const domains = include.filter(isDomain)
  if (domains.length > 0 && !domains.some((token) => holds(token, event)))
    return `the domain of the entity is ${event.entity?.domain ? `"${event.entity.domain}"` : 'none'}, wanted is ${list(domains)}`

  const fields = include.filter((token) => !isDomain(token))
  if (fields.length > 0 && !fields.some((token) => holds(token, event)))
    return `changed are ${list([...changedFields(event.change)])}, wanted is ${list(fields)}`

  const hit = exclude.find((token) => holds(token, event))
  return hit === undefined ? undefined : `"${hit}" is excluded`
}

const list = (values: string[]) => (values.length === 0 ? 'none' : values.map((value) => `"${value}"`).join(' or '))

const domainPrefix = 'domain:'
const isDomain = (token: string) => token.startsWith(domainPrefix)

function holds(token: string, { entity, change }: Envelope): boolean {
  if (isDomain(token)) return entity?.domain !== undefined && isCalled(entity.domain, token.slice(domainPrefix.length))
  const field = fieldOf(token)
  return changedFields(change).has(field) || (field === 'tier' && tierChanged(change))
}

/** A domain below another is known by its whole name, `Sales.Europe`, and by its own, `Europe`. */
const isCalled = (domain: string, name: string) => domain === name || nameParts(domain).at(-1) === name

type FieldChange = NonNullable<Change['added']>[number]
const changesIn = (change: Change | undefined): FieldChange[] => [
  ...(change?.added ?? []),
  ...(change?.updated ?? []),
  ...(change?.deleted ?? []),
]
const changedFields = (change: Change | undefined) => new Set(changesIn(change).map(({ name }) => fieldOf(name)))

/** What is one owner or one domain in old versions is a list in new ones, and means the same. */
const singular: Record<string, string> = { owners: 'owner', domains: 'domain' }

/** `columns.zip.description` is a description, wherever it stands; custom properties are known as `extension` together. */
function fieldOf(name: string): string {
  const parts = nameParts(name)
  const path = parts.length === 1 && parts[0] === name ? name.split('.') : parts
  const field = path[0] === 'extension' ? 'extension' : (path.at(-1) ?? name)
  return Object.hasOwn(singular, field) ? (singular[field] as string) : field
}

/** OpenMetadata keeps the tier of an entity among its tags. One that was there before and after has not changed. */
function tierChanged(change: Change | undefined): boolean {
  return changesIn(change)
    .filter(({ name }) => fieldOf(name) === 'tags')
    .some(({ old_value, new_value }) => {
      const [before, after] = [tiersIn(old_value), tiersIn(new_value)]
      return before.size !== after.size || [...after].some((tier) => !before.has(tier))
    })
}

function tiersIn(value: unknown): Set<string> {
  const tags = (Array.isArray(value) ? value : [value]).map((tag: unknown) => (isTagLabel(tag) ? tag.tagFQN : tag))
  return new Set(tags.filter((tag) => typeof tag === 'string').filter((tag) => tag.startsWith('Tier.')))
}

const isTagLabel = (tag: unknown): tag is { tagFQN: unknown } => typeof tag === 'object' && tag !== null && 'tagFQN' in tag
