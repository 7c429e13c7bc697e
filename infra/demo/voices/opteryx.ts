import { actionOf, json, type Telling, type Voice } from '../voice.ts'
import type { DayEvent } from '../day.ts'

const actions: Record<string, string> = { created: 'create', updated: 'update', tagged: 'update', deleted: 'delete' }

/** Opteryx Catalog: datasets and views that are created, updated and deleted, and commits to them. It does not sign. */
function tell([event]: DayEvent[]): Telling {
  const { id, time, entity, data } = event as DayEvent
  const [workspace, collection, ...resource] = (entity.name ?? '').split('.')
  const about = {
    action: actions[actionOf(event as DayEvent)] ?? 'commit',
    workspace,
    collection,
    resource_type: entity.type === 'dashboard' ? 'view' : 'dataset',
    resource_name: resource.join('.') || collection,
    timestamp: Date.parse(time),
  }
  return { headers: json, body: JSON.stringify({ event: about, data: { ...data, properties: { run: id } } }) }
}

export default { name: 'opteryx', door: 'source', forms: [{ weight: 1.5, size: [1, 1], tell }] } satisfies Voice
