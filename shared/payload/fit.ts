import type { Event } from '../contracts/event.ts'
import { readMessage, type Message } from './message.ts'
import { clip } from './text.ts'

/**
 * A chat service refuses a message that is too big, and a refused message tells nobody anything. So it is written
 * again, ever shorter, until it fits; the last step is one that always does.
 */
type Budget = { changes: number; facts: number; text: number }

const budgets: Budget[] = [
  { changes: 20, facts: 12, text: 400 },
  { changes: 12, facts: 10, text: 160 },
  { changes: 6, facts: 8, text: 80 },
  { changes: 3, facts: 4, text: 40 },
  { changes: 0, facts: 0, text: 40 },
]

function squeezed(message: Message, { changes, facts, text }: Budget): Message {
  return {
    ...message,
    changes: message.changes.slice(0, changes).map(({ name, before, after }) => ({
      name: clip(name, Math.min(text, 200)),
      ...(before !== undefined && { before: clip(before, text) }),
      after: clip(after, text),
    })),
    moreChanges: message.moreChanges + Math.max(0, message.changes.length - changes),
    facts: message.facts.slice(0, facts).map(({ label, value }) => ({ label, value: clip(value, text) })),
  }
}

/** The fullest body that `write` makes of the event and `fits` accepts. */
export function fittingBody(event: Event, write: (message: Message) => object, fits: (body: string) => boolean): Buffer {
  const message = readMessage(event)
  let body = ''
  for (const budget of budgets) {
    body = JSON.stringify(write(squeezed(message, budget)))
    if (fits(body)) break
  }
  return Buffer.from(body)
}
