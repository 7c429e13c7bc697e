import type { Event } from '../contracts/event.ts'
import { changeText, moreText, readMessage, titleOf, type Message } from './message.ts'
import { cleaned, clip } from './text.ts'

/**
 * What one chat message says of several events: how many and from where, then each in one line, with what changed. Like a
 * single message it is written ever shorter until the service takes it; what there is no room for is counted.
 */
export type DigestLine = { title: string; details: string; origin: string; url?: string }
export type Digest = { title: string; lines: DigestLine[]; more?: string }

/** How much is said of each event; the last step fits every service. */
type Budget = { events: number; title: number; changes: number; text: number; links: boolean }
const budgets: Budget[] = [
  { events: 50, title: 300, changes: 5, text: 120, links: true },
  { events: 50, title: 200, changes: 2, text: 60, links: true },
  { events: 50, title: 120, changes: 0, text: 0, links: true },
  { events: 50, title: 100, changes: 0, text: 0, links: false },
  { events: 20, title: 60, changes: 0, text: 0, links: false },
  { events: 5, title: 60, changes: 0, text: 0, links: false },
]

/** The fullest body that `write` makes of the events and `fits` accepts. */
export function fittingDigest(events: Event[], write: (digest: Digest) => object, fits: (body: string) => boolean): Buffer {
  const messages = events.slice(0, budgets[0]?.events).map(readMessage)
  let body = ''
  for (const budget of budgets) {
    body = JSON.stringify(write(digestOf(events, messages, budget)))
    if (fits(body)) break
  }
  return Buffer.from(body)
}

function digestOf(events: Event[], messages: Message[], budget: Budget): Digest {
  const shown = messages.slice(0, budget.events)
  const left = events.length - shown.length
  return {
    title: titleOfAll(events),
    lines: shown.map((message) => lineOf(message, budget)),
    ...(left > 0 && { more: `and ${left} more ${left === 1 ? 'event' : 'events'}` }),
  }
}

function lineOf(message: Message, budget: Budget): DigestLine {
  const changes = message.changes.slice(0, budget.changes)
  const rest = { ...message, changes, moreChanges: message.moreChanges + message.changes.length - changes.length }
  const details = changes.map((change) => `${clip(change.name, budget.text)}: ${clip(changeText(change), budget.text * 2)}`)
  return {
    title: clip(titleOf(message), budget.title) || '?',
    details: [...details, moreText(rest)].filter(Boolean).join('; '),
    origin: clip(message.origin, budget.title) || '?',
    ...(budget.links && message.link && { url: message.link.url }),
  }
}

const counted = (count: number): string => `${count} ${count === 1 ? 'event' : 'events'}`

function titleOfAll(events: Event[]): string {
  const sources = [...new Set(events.map(({ source }) => source))]
  const from = sources.length === 1 ? clip(cleaned(sources[0] as string), 80) : `${sources.length} sources`
  return `${counted(events.length)} from ${from}`
}
