import { actionOf, json, type Telling, type Voice } from '../voice.ts'
import type { DayEvent } from '../day.ts'

/** Ptolemy: instruments that are created, updated and archived, and values of time series. */
function tell([event]: DayEvent[]): Telling {
  const { id, time, entity, data } = event as DayEvent
  const actions: Record<string, string> = { created: 'instrument.created', updated: 'instrument.updated', deleted: 'instrument.archived' }
  const event_type = actions[actionOf(event as DayEvent)] ?? 'time_series_value.created'
  const resource = { id: entity.id, identifier: entity.name, ...data }
  return { headers: json, body: JSON.stringify({ id, event_type, created_at: time, data: resource }) }
}

export default { name: 'ptolemy', door: 'source', forms: [{ weight: 1.5, size: [1, 1], tell }] } satisfies Voice
