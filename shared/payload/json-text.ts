import type { Event } from '../contracts/event.ts'

/**
 * JSON object text with one more member whose value is text already. `event.data` is put in as it came, byte for
 * byte: parsed and serialised again, 9007199254740993 would become …992 and a duplicate member would be gone.
 */
export function withMember(head: object, name: string, json: string): Buffer {
  const text = JSON.stringify(head)
  return Buffer.from(`${text.slice(0, -1)}${text === '{}' ? '' : ','}${JSON.stringify(name)}:${json}}`)
}

/** An event without data carries `null`; a source that sends an explicit null is taken to say the same. */
export const noData = 'null'

/**
 * What a format shows as the event's data when it has no other place for entity and change: the data if there is
 * any, else an object with the two. Nothing when there is neither.
 */
export function dataText(event: Event): string | undefined {
  if (event.data !== noData) return event.data
  const { entity, change } = event
  return entity || change ? JSON.stringify({ entity, change }) : undefined
}
