import type { DayEvent } from '../day.ts'
import { json, toldOf, type Telling, type Voice } from '../voice.ts'

/** A catalog that was written for Tidings: one event, or those of the last minutes in an array. */
const native = ({ at: _, ...event }: DayEvent) => ({ ...event, subject: event.entity.name })

const tell = (events: DayEvent[], body: unknown): Telling => ({
  headers: json,
  body: JSON.stringify(body),
  told: events.map(toldOf),
})

export default {
  name: 'tidings',
  door: 'events',
  forms: [
    { weight: 4, size: [1, 1], tell: (events) => tell(events, native(events[0] as DayEvent)) },
    { weight: 3, size: [2, 6], tell: (events) => tell(events, events.map(native)) },
  ],
} satisfies Voice
