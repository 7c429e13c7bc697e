import type { DayEvent } from '../day.ts'
import { actionOf, json, type Voice } from '../voice.ts'

const actions: Record<string, string> = { created: 'creation', deleted: 'deletion' }

/** The day's objects stand for companies or contacts, with the numbers they have; `eventId` is the place in the day. */
export function hubspotEvent(event: DayEvent, object: 'company' | 'contact' = 'company'): object {
  const { id, at, time, actor, entity, change } = event
  const action = actions[actionOf(event)] ?? 'propertyChange'
  const changed = change?.updated?.[0]
  return {
    appId: 1305300,
    attemptNumber: 0,
    eventId: Number(id.slice(id.lastIndexOf('-') + 1)),
    objectId: Number(entity.id ?? at),
    occurredAt: Date.parse(time),
    portalId: 26525078,
    sourceId: actor,
    subscriptionId: 1876067,
    subscriptionType: `${object}.${action}`,
    ...(action === 'propertyChange' && {
      propertyName: changed?.name ?? entity.type,
      propertyValue: JSON.stringify(changed?.new_value ?? entity.name),
    }),
  }
}

/** HubSpot: what happens to companies, several in one request, signed together with the URL that it goes to. */
export default {
  name: 'hubspot',
  door: 'source',
  forms: [
    { weight: 1.5, size: [1, 5], tell: (events) => ({ headers: json, body: JSON.stringify(events.map((event) => hubspotEvent(event))) }) },
  ],
} satisfies Voice
