import { actionOf, json, type Telling, type Voice } from '../voice.ts'
import type { DayEvent } from '../day.ts'

/** Palantir Foundry: objects of an ontology that are created, updated and deleted, datasets, and builds that end. */
function tell([event]: DayEvent[]): Telling {
  const { id, entity, change } = event as DayEvent
  const action = actionOf(event as DayEvent)
  const told = (type: string, data: object): Telling => ({ headers: json, body: JSON.stringify({ id, type, data }) })
  if (entity.type === 'pipeline') {
    const buildStatus = action === 'failed' ? 'FAILED' : 'SUCCEEDED'
    return told('build.completed', { buildRid: `ri.foundry.main.build.${entity.name}`, buildStatus })
  }
  if (!['created', 'updated', 'deleted'].includes(action)) {
    return told('dataset.updated', { datasetRid: `ri.foundry.main.dataset.${entity.name}`, branch: 'master' })
  }
  const changedProperties = Object.fromEntries((change?.updated ?? []).map(({ name, new_value }) => [name, new_value]))
  const object = { objectType: entity.type, primaryKey: entity.name }
  return told(`ontology.object.${action}`, { ...object, ...(action === 'updated' && { changedProperties }) })
}

export default { name: 'foundry', door: 'source', forms: [{ weight: 1.5, size: [1, 1], tell }] } satisfies Voice
