import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { contextFor, limits, loadFormats, loadSources, received, toEvent } from '../support/samples.ts'

/** What a system reported, rendered in its own words, is what it reported. */
const [formats, sources] = [await loadFormats(), await loadSources()]
const text = (format: string, event: Event): string => {
  const found = formats.get(format)
  return Buffer.from(found.render(event, contextFor(found)).body).toString()
}
const json = (format: string, event: Event): Record<string, unknown> => JSON.parse(text(format, event))
const eventsFrom = (system: string, body: string): Event[] =>
  sources
    .get(system)
    .parse(received({ headers: { 'content-type': 'application/json' }, body }), limits, sources.get(system).settings?.parse({}))
    .map(toEvent)

const table =
  '{"id":"8248af0a-7f95-5ee3-bbb9-3213ad7d0c37","name":"dim","fullyQualifiedName":"s.db.dim","rows":9007199254740993,"owners":[{"type":"team","name":"DE"}],"domains":[]}'
const changeEvent = `{
  "id": "78bc6a38-2761-563e-be76-b5ee1f1ec7b2", "eventType": "entityUpdated", "entityType": "table",
  "entityId": "8248af0a-7f95-5ee3-bbb9-3213ad7d0c37", "entityFullyQualifiedName": "s.db.dim", "previousVersion": 0.2, "currentVersion": 0.3,
  "userName": "admin", "timestamp": 1769960000000,
  "changeDescription": {"fieldsAdded": [{"name": "owners", "newValue": "[{\\"type\\":\\"team\\",\\"name\\":\\"DE\\"}]"}], "previousVersion": 0.2},
  "entity": ${JSON.stringify(table)}
}`
const documented =
  '{"eventId":"123e4567-e89b-12d3-a456-426614174000","eventType":"entitySoftDeleted","timestamp":1705320000000,"entity":{"id":"456e","type":"table","name":"customers","rows":9007199254740993},"changeDescription":{"fieldsAdded":[],"fieldsUpdated":[],"fieldsDeleted":[]},"extra":1.0'

describe('there and back', () => {
  it.each([
    ['foundry', '{"id":"evt-1","type":"ontology.object.created","data":{"objectType":"Employee","primaryKey":9007199254740993}}'],
    ['foundry', '{"id":"evt-2","type":"dataset.updated","data":{"datasetRid":"ri.foundry.main.dataset.c26f","branch":"master"}}'],
    ['foundry', '{"id":"evt-3","type":"build.completed","data":{"buildRid":"ri.foundry.main.build.a438","buildStatus":"FAILED"}}'],
    ['foundry', '{"id":"evt-4","type":"ontology.link.created","data":{"of":"a kind that nobody knows"}}'],
    [
      'ptolemy',
      '{"id":"8f0c","event_type":"instrument.updated","created_at":"2026-04-15T09:05:00Z","data":{"id":"3fa8","identifier":"bhp.ax","lot_size":"0.1000000000000000055"}}',
    ],
    ['ptolemy', '{"id":"8f0d","event_type":"time_series_value.created","created_at":"2026-04-15T09:05:00Z","data":{"value":1.0}}'],
    [
      'opteryx',
      '{"event": {"action": "create", "workspace": "w", "collection": "a/b.c", "resource_type": "dataset", "resource_name": "d", "timestamp": 1704556800000}, "data": {"location": null, "properties": {"n": 9007199254740993, "f": 1.0}}}',
    ],
    [
      'opteryx',
      '{"event": {"action": "delete", "workspace": "w", "collection": "c", "resource_type": "view", "resource_name": "\\u00fc\\ud83d\\ude00\\n\\u007f", "timestamp": 1704556800001}, "data": {}}',
    ],
    [
      'opteryx',
      '{"event": {"action": "execute", "workspace": "w", "collection": "c", "resource_type": "view", "resource_name": "v", "timestamp": 1}, "data": {"error": "boom"}}',
    ],
    ['sesam', '{"_id":"1","name":"a","_ts":1633934725921188,"amount":12345678901234567890}'],
    ['sesam', '{ "_id": "2", "_deleted": true }'],
    ['openmetadata-real', changeEvent],
  ])('%s: %s', (system, body) => {
    const [event] = eventsFrom(system.replace('-real', ''), body) as [Event]
    expect(text(system, event)).toBe(body)
  })

  it('keeps whole bodies that came as the data of another source', () => {
    const event: Event = { id: '1', organizationId: 'o', source: 's', type: 'x.y', time: '2026-04-15T09:00:03Z', data: '' }
    const bodies: [string, string][] = [
      ['foundry', '{ "id":"e","type":"t","data":{} }'],
      ['ptolemy', '{"id":"e","event_type":"a.b","created_at":"2026-04-15T09:05:00Z","data":{}, "n":1.0}'],
      ['opteryx', '{"event": {"action": "create", "resource_type": "dataset"}, "data": {}}'],
      ['sesam', '{"_id":"x"}'],
    ]
    for (const [format, data] of bodies) expect(text(format, { ...event, data })).toBe(data)
  })

  it('gives the documented OpenMetadata body back under our name and signature, every digit in its place', () => {
    const [event] = eventsFrom('openmetadata', `${documented},"webhookName":"Theirs","signature":"sha256=abc"}`) as [Event]
    const sent = text('openmetadata', event)
    expect(sent.startsWith(`${documented},"webhookName":"mirror","signature":"sha256=`)).toBe(true)
  })

  it('unpacks a ChangeEvent into the documented body', () => {
    const [event] = eventsFrom('openmetadata', changeEvent) as [Event]
    expect(text('openmetadata', event)).toContain('"rows":9007199254740993')
    expect(json('openmetadata', event)).toEqual({
      eventId: '78bc6a38-2761-563e-be76-b5ee1f1ec7b2',
      eventType: 'entityUpdated',
      timestamp: 1_769_960_000_000,
      entity: { ...JSON.parse(table), type: 'table', owner: { type: 'team', name: 'DE' } },
      changeDescription: {
        fieldsAdded: [{ name: 'owners', newValue: [{ type: 'team', name: 'DE' }] }],
        fieldsUpdated: [],
        fieldsDeleted: [],
      },
      webhookName: 'mirror',
      signature: expect.any(String),
    })
  })
})
