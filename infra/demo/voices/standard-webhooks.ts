import type { DayEvent } from '../day.ts'
import { toldOf, type Telling, type Voice } from '../voice.ts'

/** A catalog that sends signed webhooks itself, and to which Tidings is only one more receiver. */
function tell([event]: DayEvent[]): Telling {
  const { id, type, time: timestamp, actor, entity, change, data = {} } = event as DayEvent
  return {
    headers: { 'content-type': 'application/json', 'webhook-id': id },
    body: JSON.stringify({ type, timestamp, actor, entity, change, data }),
    told: [toldOf(event as DayEvent)],
  }
}

export default { name: 'standard-webhooks', door: 'source', forms: [{ weight: 4, size: [1, 1], tell }] } satisfies Voice
