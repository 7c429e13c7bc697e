import type { Envelope } from './contracts/event.ts'
import type { Subscription, SubscriptionFilters } from './contracts/subscription.ts'
import { openMetadataObstacle } from './openmetadata-filter.ts'
import { ownSource } from './own-event.ts'
import { nameParts } from './payload/names.ts'

/** Why a subscription wants an event, or which clause keeps it from wanting it. */
export type Verdict = { matched: true; reason: string } | { matched: false; clause: string; reason: string }

type Clause = Exclude<keyof SubscriptionFilters, 'open_metadata'>

/** What of the event each clause looks at; several values where any may hold. */
const subjects: Record<Clause, (event: Envelope) => string[]> = {
  sources: (event) => [event.source],
  entity_types: (event) => present(event.entity?.type),
  names: (event) => present(event.entity?.name),
  domains: (event) => present(event.entity?.domain),
  owners: (event) => event.entity?.owners ?? [],
  tags: (event) => event.entity?.tags ?? [],
}
const clauses = Object.keys(subjects) as Clause[]
const present = (value: string | undefined) => (value === undefined ? [] : [value])

export function explainMatch(event: Envelope, subscription: Pick<Subscription, 'webhookId' | 'eventType' | 'filters'>): Verdict {
  const { eventType, filters } = subscription
  const own = event.source === ownSource ? ownObstacle(event, subscription) : undefined
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
function ownObstacle(event: Envelope, { webhookId, eventType }: Pick<Subscription, 'webhookId' | 'eventType'>): string | undefined {
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

/** Subscriptions of all organizations, laid out so that an event looks only at those that could want it. */
export type Matcher = { version: number; match(event: Envelope): Map<string, string[]> }

/**
 * A subscription stands under the words of that one of its clauses which fewest others share: an event looks up its own
 * words and judges only what it finds there. What a match costs grows with the matches, not with the subscriptions.
 * @returns webhook ids with the ids of their subscriptions that want the event
 */
export function createMatcher(version: number, subscriptions: Subscription[]): Matcher {
  const shared = new Map<string, number>()
  const choices = subscriptions.map(wordChoices)
  for (const choice of choices) for (const word of new Set(choice.flat())) shared.set(word, (shared.get(word) ?? 0) + 1)

  const index = new Map<string, Subscription[]>()
  // letters in a row are many words of each event, and asked for by few
  const withGrams = new Set<string>()
  for (const [i, subscription] of subscriptions.entries()) {
    for (const word of rarest(choices[i] as string[][], shared)) {
      if (word.startsWith(`${subscription.organizationId} gram `)) withGrams.add(subscription.organizationId)
      const bucket = index.get(word)
      if (bucket) bucket.push(subscription)
      else index.set(word, [subscription])
    }
  }
  const order = new Map(subscriptions.map(({ id }, i) => [id, i]))
  return {
    version,
    match(event) {
      const candidates = new Set<Subscription>()
      for (const word of wordsOf(event, withGrams.has(event.organizationId)))
        for (const subscription of index.get(word) ?? []) candidates.add(subscription)
      const wanted = [...candidates].filter((subscription) => wants(subscription, event))
      wanted.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))
      const matched = new Map<string, string[]>()
      for (const { id, webhookId } of wanted) {
        const ids = matched.get(webhookId)
        if (ids) ids.push(id)
        else matched.set(webhookId, [id])
      }
      return matched
    },
  }
}

/** As `explainMatch`, without the words for a person. */
function wants(subscription: Subscription, event: Envelope): boolean {
  const { eventType, filters } = subscription
  if (event.source === ownSource && ownObstacle(event, subscription)) return false
  if (!typeMatches(eventType, event.type)) return false
  for (const clause of clauses) {
    const wanted = filters[clause]
    if (wanted && !subjects[clause](event).some((value) => holdsFor(clause, wanted, value))) return false
  }
  return !filters.open_metadata || openMetadataObstacle(event, filters.open_metadata) === undefined
}

const holdsFor = (clause: Clause, wanted: string[], value: string) =>
  clause === 'names' ? wanted.some((glob) => globMatches(glob, value)) : wanted.includes(value)

/** Words that an event must have at least one of, for each clause that can be looked up. The pattern of the type always can. */
function wordChoices({ organizationId, eventType, filters }: Subscription): string[][] {
  const choices = [[`${organizationId} type ${eventType}`]]
  for (const clause of clauses) {
    const words = filters[clause]?.map((value) => (clause === 'names' ? nameWord(value) : `${clause} ${value}`))
    if (words?.every((word) => word !== undefined)) choices.push(words.map((word) => `${organizationId} ${word}`))
  }
  // a single glob of broken parts: any three letters in a row of it will do, and the rarest are taken
  if (filters.names?.length === 1)
    for (const run of (filters.names[0] as string).split(/[*?]/))
      for (const gram of gramsOf(run)) choices.push([`${organizationId} gram ${gram}`])
  const domains = filters.open_metadata?.include?.filter((token) => token.startsWith(domainToken))
  if (domains?.length) choices.push(domains.map((token) => `${organizationId} domain part ${token.slice(domainToken.length)}`))
  return choices
}

const domainToken = 'domain:'

/** A name without wildcards as a whole; a glob by its longest whole part between full stops; others cannot be looked up. */
function nameWord(glob: string): string | undefined {
  if (!/[*?]/.test(glob)) return `names ${glob}`
  const parts = glob.split('.').filter((part) => part !== '' && !/[*?]/.test(part))
  if (parts.length === 0) return undefined
  return `name part ${parts.reduce((longest, part) => (part.length > longest.length ? part : longest))}`
}

const gramsOf = (text: string): string[] => Array.from({ length: Math.max(0, text.length - 2) }, (_, at) => text.slice(at, at + 3))

/** Every word under which a subscription that wants the event may stand. */
function wordsOf(event: Envelope, grams: boolean): Set<string> {
  const { organizationId, type } = event
  const words = patternsOf(type).map((pattern) => `type ${pattern}`)
  for (const clause of clauses) for (const value of subjects[clause](event)) words.push(`${clause} ${value}`)
  const { name, domain } = event.entity ?? {}
  if (name !== undefined) words.push(...name.split('.').map((part) => `name part ${part}`))
  if (name !== undefined && grams) words.push(...gramsOf(name).map((gram) => `gram ${gram}`))
  if (domain !== undefined) for (const part of new Set([domain, nameParts(domain).at(-1)])) words.push(`domain part ${part}`)
  return new Set(words.map((word) => `${organizationId} ${word}`))
}

/** Of the clauses the one whose words the fewest subscriptions have. */
function rarest(choices: string[][], shared: Map<string, number>): Set<string> {
  const weight = (words: string[]) => words.reduce((sum, word) => sum + (shared.get(word) ?? 0), 0)
  let best = choices[0] as string[]
  for (const words of choices.slice(1)) if (weight(words) < weight(best)) best = words
  return new Set(best)
}

/** `a.b.c` is covered by `a.b.c`, `a.b.*`, `a.*`, `*.c` and `*`. */
function patternsOf(type: string): string[] {
  const patterns = [type, '*']
  if (type.includes('.')) patterns.push(`*${type.slice(type.lastIndexOf('.'))}`)
  for (let dot = type.lastIndexOf('.'); dot > 0; dot = type.lastIndexOf('.', dot - 1)) patterns.push(`${type.slice(0, dot)}.*`)
  return patterns
}
