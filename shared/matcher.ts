import type { Envelope } from './contracts/event.ts'
import type { OpenMetadataFilter, Subscription } from './contracts/subscription.ts'
import { clauses, globMatches, ownObstacle, subjects, typeMatches, type Clause } from './match.ts'
import { openMetadataObstacle } from './openmetadata-filter.ts'
import { nameParts } from './payload/names.ts'

/** Subscriptions of all organizations, laid out so that an event looks only at those that could want it. */
export type Matcher = { version: number; match(event: Envelope): Map<string, string[]> }

/** What an event can be looked up by: its type and what covers it, the values of a clause, parts of its name or its domain. */
type Kind = 'type' | Clause | 'name part' | 'domain part' | `${GramSize} letters`
type GramSize = (typeof gramSizes)[number]
type Value = string | number
type Word = [kind: Kind, value: Value]

/** A subscription under one word. */
type Entry = {
  id: string
  webhookId: string
  /** Its place among all. */
  at: number
  left: Left
  /** Who else stands under this word. */
  next: Entry | undefined
}
/** What is still to be judged of an event that has this word. */
type Left = { eventType: string; typeHolds: boolean; lists: [Clause, string[]][]; openMetadata: OpenMetadataFilter | undefined }
type Index = Map<Kind, Map<Value, Entry>>

/** The longer, the fewer globs share it; the shorter ones are for globs that have no more than that between two wildcards. */
const gramSizes = [8, 5, 3] as const

/**
 * A subscription stands under the words of that one of its clauses which fewest others share: an event looks up its own
 * words and judges only what it finds there. What a match costs grows with the matches, not with the subscriptions.
 * @returns webhook ids with the ids of their subscriptions that want the event
 */
export function createMatcher(version: number, subscriptions: Subscription[]): Matcher {
  const organizations = new Map<string, Subscription[]>()
  for (const subscription of subscriptions) getOrMake(organizations, subscription.organizationId, () => []).push(subscription)
  const indexes = new Map([...organizations].map(([id, own]) => [id, indexOf(own)]))

  return {
    version,
    match(event) {
      const found: Entry[] = []
      for (const [kind, entries] of indexes.get(event.organizationId) ?? [])
        for (const value of valuesOf[kind](event))
          for (let entry = entries.get(value); entry; entry = entry.next) if (wants(entry, event)) found.push(entry)
      found.sort((a, b) => a.at - b.at)
      const matched = new Map<string, string[]>()
      // one that stands under several words of the event was found as often
      for (const [i, entry] of found.entries())
        if (entry.at !== found[i - 1]?.at) getOrMake(matched, entry.webhookId, () => []).push(entry.id)
      return matched
    },
  }
}

type Counts = Map<Kind, Map<Value, number>>

function indexOf(subscriptions: Subscription[]): Index {
  const choices = subscriptions.map(choicesOf)
  const shared: Counts = new Map()
  for (const [kind, value] of choices.flat(3)) {
    const counts = getOrMake(shared, kind, () => new Map<Value, number>())
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const index: Index = new Map()
  const known = new Map<string, Left>()
  for (const [at, subscription] of subscriptions.entries())
    for (const [kind, value] of rarest(choices[at] as Choice[], shared)) {
      const entries = getOrMake(index, kind, () => new Map<Value, Entry>())
      const { id, webhookId } = subscription
      const text = JSON.stringify(leftToJudge(subscription, kind))
      // beside what they are found by, most ask for one of a few things: kept once, those are always near the processor
      const left = getOrMake(known, text, () => JSON.parse(text) as Left)
      entries.set(value, { id, webhookId, at, left, next: entries.get(value) })
    }
  return index
}

/** What it is found by holds already, where that is no mere part of a name or domain. */
function leftToJudge({ eventType, filters }: Subscription, foundBy: Kind): Left {
  const asked = clauses.filter((clause) => clause !== foundBy && filters[clause] !== undefined)
  const lists = asked.map((clause): [Clause, string[]] => [clause, filters[clause] as string[]])
  return { eventType, typeHolds: foundBy === 'type', lists, openMetadata: filters.open_metadata }
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

/** As `explainMatch`, without the words for a person. */
function wants({ webhookId, left }: Entry, event: Envelope): boolean {
  const { eventType, typeHolds, lists, openMetadata } = left
  if (ownObstacle(event, { webhookId, eventType }) !== undefined) return false
  if (!typeHolds && !typeMatches(eventType, event.type)) return false
  for (const [clause, wanted] of lists) if (!subjects[clause](event).some((value) => holdsFor(clause, wanted, value))) return false
  return openMetadata === undefined || openMetadataObstacle(event, openMetadata) === undefined
}

const holdsFor = (clause: Clause, wanted: string[], value: string) =>
  clause === 'names' ? wanted.some((glob) => globMatches(glob, value)) : wanted.includes(value)

/** For each value that would do, the words that an event with it has: each of these words, so any one is enough to find it by. */
type Choice = Word[][]

/** One for each clause that can be looked up. The pattern of the type always can. */
function choicesOf({ eventType, filters }: Subscription): Choice[] {
  const choices: Choice[] = [[[['type', eventType]]]]
  for (const clause of clauses) {
    const values = filters[clause]?.map((value): Word[] => (clause === 'names' ? wordsOfGlob(value) : [[clause, value]]))
    if (values?.every((words) => words.length > 0)) choices.push(values)
  }
  const domains = filters.open_metadata?.include?.filter((token) => token.startsWith(domainToken))
  if (domains?.length) choices.push(domains.map((token) => [['domain part', token.slice(domainToken.length)]]))
  return choices
}

const domainToken = 'domain:'

/** A name without wildcards as a whole; a glob by its whole parts between full stops, and by letters in a row; others cannot be looked up. */
function wordsOfGlob(glob: string): Word[] {
  if (!/[*?]/.test(glob)) return [['names', glob]]
  const parts = glob.split('.').filter((part) => part !== '' && !/[*?]/.test(part))
  const grams = glob.split(/[*?]/).flatMap((run): Word[] => {
    const size = gramSizes.find((size) => size <= run.length)
    return size === undefined ? [] : gramsOf(run, size).map((gram) => [`${size} letters`, gram])
  })
  return [...parts.map((part): Word => ['name part', part]), ...grams]
}

/** Of each so many letters in a row a number: two that share one are told apart when their subscriptions are judged. */
function gramsOf(text: string, size: number): number[] {
  const grams: number[] = []
  for (let from = 0; from + size <= text.length; from++) {
    let number = 0
    for (let at = from; at < from + size; at++) number = (Math.imul(number, 31) + text.charCodeAt(at)) | 0
    grams.push(number)
  }
  return grams
}

const grams = (size: GramSize) => (event: Envelope) => gramsOf(event.entity?.name ?? '', size)

/** Every value of a kind under which a subscription that wants the event may stand. */
const valuesOf: Record<Kind, (event: Envelope) => Iterable<Value>> = {
  type: ({ type }) => patternsOf(type),
  ...subjects,
  'name part': ({ entity }) => new Set(entity?.name?.split('.')),
  'domain part': ({ entity }) => (entity?.domain === undefined ? [] : new Set([entity.domain, nameParts(entity.domain).at(-1) as string])),
  '8 letters': grams(8),
  '5 letters': grams(5),
  '3 letters': grams(3),
}

/** The words of that clause which the fewest subscriptions have; of each of its values the rarest. */
function rarest(choices: Choice[], shared: Counts): Word[] {
  const count = ([kind, value]: Word) => shared.get(kind)?.get(value) ?? 0
  let best: Word[] = []
  let least = Number.POSITIVE_INFINITY
  for (const values of choices) {
    const words = values.map((alternatives) => alternatives.reduce((rare, word) => (count(word) < count(rare) ? word : rare)))
    const weight = words.reduce((sum, word) => sum + count(word), 0)
    if (weight < least) [best, least] = [words, weight]
  }
  return best
}

/** `a.b.c` is covered by `a.b.c`, `a.b.*`, `a.*`, `*.c` and `*`. */
function patternsOf(type: string): string[] {
  const patterns = [type, '*']
  if (type.includes('.')) patterns.push(`*${type.slice(type.lastIndexOf('.'))}`)
  for (let dot = type.lastIndexOf('.'); dot > 0; dot = type.lastIndexOf('.', dot - 1)) patterns.push(`${type.slice(0, dot)}.*`)
  return patterns
}
