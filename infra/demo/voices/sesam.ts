import type { DayEvent } from '../day.ts'
import { actionOf, json, type Voice } from '../voice.ts'

/** A pipe of Sesam: entities as they are now, and what is deleted as a mark. */
const entityOf = (event: DayEvent): object => ({
  _id: event.entity.name,
  ...(actionOf(event) === 'deleted' && { _deleted: true }),
  _ts: Date.parse(event.time) * 1_000,
  kind: event.entity.type,
  owners: event.entity.owners,
  reported: event.id,
})

export default {
  name: 'sesam',
  door: 'source',
  forms: [{ weight: 1, size: [1, 4], tell: (events) => ({ headers: json, body: JSON.stringify(events.map(entityOf)) }) }],
} satisfies Voice
