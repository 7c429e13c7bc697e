import type { Change } from '../../../shared/contracts/event.ts'
import type { DayEvent } from '../day.ts'
import { actionOf, json, type Voice } from '../voice.ts'

/** OpenMetadata: change events whose entity is JSON in a string, one by one and in batches. */
function changeEvent(event: DayEvent): object {
  const { id, time, actor, entity, change, data } = event
  const action = actionOf(event)
  const result = action === 'failed' ? 'Failed' : 'Success'
  const isResult = /^(test|build)\./.test(event.type)
  return {
    id,
    eventType: { created: 'entityCreated', deleted: 'entityDeleted' }[action] ?? 'entityUpdated',
    entityType: event.type.startsWith('test.') ? 'testCase' : entity.type,
    entityId: entity.id ?? entity.name,
    entityFullyQualifiedName: entity.name,
    userName: actor,
    timestamp: Date.parse(time),
    ...(change && { changeDescription: descriptionOf(change) }),
    ...(isResult && { changeDescription: { fieldsUpdated: [{ name: 'testCaseResult', newValue: { ...data, testCaseStatus: result } }] } }),
    entity: JSON.stringify({
      id: entity.id,
      fullyQualifiedName: entity.name,
      domains: entity.domain ? [{ type: 'domain', name: entity.domain, fullyQualifiedName: entity.domain }] : [],
      owners: (entity.owners ?? []).map((name) => ({ type: 'team', name })),
      tags: (entity.tags ?? []).map((tagFQN) => ({ tagFQN, source: 'Classification' })),
    }),
  }
}

const fieldsOf = (fields: Change['added'] = []) =>
  fields.map(({ name, old_value: oldValue, new_value: newValue }) => ({ name, oldValue, newValue }))
const descriptionOf = ({ added, updated, deleted }: Change) => ({
  fieldsAdded: fieldsOf(added),
  fieldsUpdated: fieldsOf(updated),
  fieldsDeleted: fieldsOf(deleted),
})

export default {
  name: 'openmetadata',
  door: 'source',
  forms: [
    { weight: 2, size: [1, 1], tell: ([event]) => ({ headers: json, body: JSON.stringify(changeEvent(event as DayEvent)) }) },
    {
      weight: 1,
      size: [2, 5],
      tell: (events) => ({ headers: json, body: JSON.stringify({ data: events.map(changeEvent), paging: { total: events.length } }) }),
    },
  ],
} satisfies Voice
