import { changeOf, entityOf, textOf, timeOf, typeName } from '../fields.ts'
import { scalarAt } from '../json-slice.ts'
import { readEvents, type ReadEvent } from '../read-events.ts'
import type { SourceAdapter, SourceSample } from '../source.ts'

/**
 * HubSpot: an array of up to 100 events. The type is `subscriptionType` as it is (`company.propertyChange`), or
 * `eventType`, as one example of the documentation has it. `eventId` alone is not unique, and `attemptNumber` changes
 * between copies: the id is made of portal, subscription, event and moment. An event that lacks one of them is never
 * taken for another.
 */
const identity = ['portalId', 'subscriptionId', 'eventId', 'occurredAt']

const read: ReadEvent = (event, { raw }, report) => {
  const type = typeName(textOf(event.subscriptionType ?? event.eventType, 200))
  if (type === undefined) return report('must be a string, for example `company.creation`', 'subscriptionType')
  const ids = identity.map((name) => scalarAt(raw, name))
  const { propertyName } = event
  return {
    sourceEventId: ids.includes(undefined) ? undefined : ids.join('-'),
    type,
    time: timeOf(event.occurredAt, 'milliseconds'),
    actor: textOf(event.sourceId),
    entity: entityOf({ type: type.split('.')[0], id: scalarAt(raw, 'objectId') ?? scalarAt(raw, 'fromObjectId') }),
    change: typeof propertyName === 'string' ? changeOf({ updated: [{ name: propertyName, new_value: event.propertyValue }] }) : undefined,
  }
}

const samples: SourceSample[] = [
  {
    title: 'a property was changed, a company deleted',
    headers: { 'content-type': 'application/json' },
    body: '[{"appId":1305300,"attemptNumber":0,"eventId":2931120501,"objectId":6682673371,"occurredAt":1670945968638,"portalId":26525078,"propertyName":"twitterhandle","propertyValue":"avisaGD","sourceId":"CompanyInsights","subscriptionId":1876067,"subscriptionType":"company.propertyChange"},{"appId":1305300,"attemptNumber":5,"changeFlag":"DELETED","eventId":2737147673,"objectId":6674551525,"occurredAt":1670944855442,"portalId":26525078,"sourceId":"userId:47812075","subscriptionId":1876046,"subscriptionType":"company.deletion"}]',
  },
  {
    title: 'the documented example with eventType, and nothing to tell a repeat by',
    headers: { 'content-type': 'application/json' },
    body: '{"eventType":"contact.creation","objectId":123}',
  },
]

export default {
  name: 'hubspot',
  description: 'HubSpot: CRM events in arrays.',
  scheme: 'hubspot-v3',
  parse: (request, limits) => readEvents(request, limits, read),
  identity: 'id',
  samples,
} satisfies SourceAdapter
