import { encodeHeaderValue } from '../../../shared/payload/cloudevent.ts'
import type { DayEvent } from '../day.ts'
import { toldOf, type Voice } from '../voice.ts'

/** A catalog that speaks CloudEvents 1.0: structured, in batches, and in binary mode. What changed is part of the data. */
const attributes = ({ id, type, time, actor, entity }: DayEvent): Record<string, string> => ({
  specversion: '1.0',
  id,
  source: '/demo/catalog',
  type,
  time,
  authtype: 'user',
  authid: actor,
  entitytype: entity.type,
  ...(entity.name && { subject: entity.name, entityname: entity.name }),
  ...(entity.id && { entityid: entity.id }),
  ...(entity.domain && { domain: entity.domain }),
  ...(entity.owners?.length && { owner: entity.owners.join(',') }),
  ...(entity.tags?.length && { tags: entity.tags.join(',') }),
})

const dataOf = ({ change, data }: DayEvent) => ({ ...data, ...(change && { change }) })
const structured = (event: DayEvent) => ({ ...attributes(event), datacontenttype: 'application/json', data: dataOf(event) })

/** As the binding wants it: percent-encoded where a header cannot hold it. */
const inHeaders = (event: DayEvent) =>
  Object.fromEntries(Object.entries(attributes(event)).map(([name, value]) => [`ce-${name}`, encodeHeaderValue(value)]))

export default {
  name: 'cloudevents',
  door: 'events',
  forms: [
    {
      weight: 3,
      size: [1, 1],
      tell: (events) => ({
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(structured(events[0] as DayEvent)),
        told: events.map(toldOf),
      }),
    },
    {
      weight: 3,
      size: [1, 1],
      tell: (events) => ({
        headers: { 'content-type': 'application/json', ...inHeaders(events[0] as DayEvent) },
        body: JSON.stringify(dataOf(events[0] as DayEvent)),
        told: events.map(toldOf),
      }),
    },
    {
      weight: 2,
      size: [2, 5],
      tell: (events) => ({
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: JSON.stringify(events.map(structured)),
        told: events.map(toldOf),
      }),
    },
  ],
} satisfies Voice
