import type { Event } from '../contracts/event.ts'
import { headlineOf, objectOf } from './headline.ts'
import { isRecord, membersOf, parse } from './json-raw.ts'
import { readOutcome, type Outcome } from './outcome.ts'
import { payloadText } from './recognise.ts'
import { asWords, capitalised, cleaned, clip, isolated } from './text.ts'
import { nothing, valueText } from './value-text.ts'

/**
 * What a chat message says of an event, for people, whichever service shows it: who did what to which object, what
 * changed from what to what, whom it concerns, and where to look. All text is one line, clean and clipped; escaping and
 * the service's own limits are left to the formats.
 */
/** A field that was updated without saying what it was before has no `before`. */
export type MessageChange = { name: string; before?: string; after: string }
export type MessageFact = { label: string; value: string }
export type Message = {
  headline: string
  /** The object alone, kind and name; empty when the event names none. */
  object: string
  mood: Outcome['mood'] | 'neutral'
  changes: MessageChange[]
  /** Changes that are not shown. */
  moreChanges: number
  facts: MessageFact[]
  /** Event type, source and time, for the foot. */
  origin: string
  link?: { label: string; url: string }
}

/** Seen at a glance in a list of many, in services that show no colours too. */
const symbols: Record<Message['mood'], string> = { bad: '🔴 ', stopped: '🟠 ', good: '🟢 ', neutral: '' }
export const titleOf = ({ mood, headline }: Message): string => `${symbols[mood]}${headline}`

export const changeText = ({ before, after }: MessageChange): string => (before === undefined ? after : `${before} → ${after}`)

/** What became of the changes that there was no room for. */
export const moreText = ({ moreChanges, changes }: Message): string | undefined =>
  moreChanges === 0
    ? undefined
    : `${changes.length > 0 ? 'and ' : ''}${moreChanges} ${changes.length > 0 ? 'more ' : ''}${moreChanges === 1 ? 'change' : 'changes'}`

const mostChanges = 20
const longestValue = 400
const longestName = 200
const mostDataFacts = 6

export function readMessage(event: Event): Message {
  const outcome = readOutcome(event)
  const headline = headlineOf(event, outcome)
  const changes = changesOf(event)
  return {
    headline,
    object: capitalised(objectOf(event)),
    mood: outcome?.mood ?? 'neutral',
    changes: changes.slice(0, mostChanges).map(shownChange),
    moreChanges: Math.max(0, changes.length - mostChanges),
    facts: factsOf(event, headline, changes.length > 0),
    origin: [event.type, event.source, timeText(event.time)].map((part) => clip(cleaned(part), longestName)).join(' · '),
    ...linkOf(event),
  }
}

type Field = NonNullable<NonNullable<Event['change']>['added']>[number]
type Kind = 'added' | 'updated' | 'deleted'

function changesOf({ change }: Event): { kind: Kind; field: Field }[] {
  const kinds: Kind[] = ['updated', 'added', 'deleted']
  return kinds.flatMap((kind) => (change?.[kind] ?? []).map((field) => ({ kind, field })))
}

function shownChange({ kind, field }: { kind: Kind; field: Field }): MessageChange {
  const { name, old_value: before, new_value: after } = field
  return {
    name: isolated(clip(cleaned(name), longestName) || '?'),
    ...((kind !== 'updated' || before !== undefined) && { before: isolated(valueText(before, longestValue)) }),
    after: isolated(valueText(after, longestValue)),
  }
}

/** What the headline has said, or an earlier fact, is not said again. */
function factsOf(event: Event, headline: string, changed: boolean): MessageFact[] {
  const { entity, actor, subject } = event
  const facts: [string, unknown][] = [
    ['Name', entity?.name ?? entity?.id],
    ['Subject', entity ? undefined : subject],
    ['By', actor],
    ['Domain', entity?.domain],
    ['Owners', entity?.owners],
    ['Tags', entity?.tags],
    ...(changed ? [] : dataFacts(event)),
  ]
  const known = new Set([nothing, '', valueText(entity?.id, longestValue), valueText(entity?.type, longestValue)])
  const shown: MessageFact[] = []
  for (const [label, value] of facts) {
    const text = value === undefined ? nothing : valueText(value, longestValue)
    if (known.has(text) || (saidFirst.has(label) && headline.includes(text))) continue
    known.add(text)
    shown.push({ label, value: isolated(text) })
  }
  return shown
}

const saidFirst = new Set(['Name', 'Subject', 'By'])

/** Without changes to show, what the data says is all there is to tell. */
function dataFacts(event: Event): [string, unknown][] {
  const text = payloadText(event)
  if (text === undefined) return unnamedData(event)
  const facts: [string, unknown][] = []
  for (const [name, json] of membersOf(text)) {
    const value = parse(json)
    if (name.startsWith('_') || isRecord(value) || value === null || value === '') continue
    // as it was written: a number of 64 bits is not rounded
    facts.push([capitalised(clip(cleaned(asWords(name)), 60)) || '?', typeof value === 'number' ? json : value])
    if (facts.length === mostDataFacts) break
  }
  return facts
}

function unnamedData(event: Event): [string, unknown][] {
  if (event.binary || event.data === 'null' || /^\s*\{/.test(event.data)) return []
  return [['Data', JSON.parse(event.data)]]
}

function timeText(time: string): string {
  const moment = Date.parse(time)
  return Number.isNaN(moment) ? time : new Date(moment).toISOString().replace(/^(.{10})T(.{8}).*$/, '$1 $2 UTC')
}

/** A link that a click opens in a browser, and nothing else: `javascript:` is a URL too. */
function linkOf({ entity }: Event): Pick<Message, 'link'> {
  const url = entity?.url !== undefined && URL.canParse(entity.url) ? new URL(entity.url) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.href.length > 2_000) return {}
  return { link: { label: `Open ${clip(cleaned(asWords(entity?.type ?? '')), 60)}`.trim(), url: url.href } }
}
