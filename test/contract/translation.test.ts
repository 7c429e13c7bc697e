import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { contextFor, loadFormats, plainContext } from '../support/samples.ts'

/** An event that no system of the five sent, told to each of them in its own words. */
const formats = await loadFormats()
const text = (format: string, event: Event): string => {
  const found = formats.get(format)
  return Buffer.from(found.render(event, contextFor(found)).body).toString()
}
const json = (format: string, event: Event): Record<string, unknown> => JSON.parse(text(format, event))

const native: Event = {
  id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11',
  organizationId: 'org',
  source: 'warehouse',
  type: 'table.updated',
  time: '2026-04-15T09:00:03Z',
  actor: 'ada',
  entity: {
    type: 'table',
    id: 't-1',
    name: 'prod."sales.eu".orders',
    domain: 'Sales',
    owners: ['ada', 'bob'],
    tags: ['PII.Sensitive'],
    url: 'https://c.example/t',
  },
  change: {
    added: [{ name: 'tags', new_value: ['PII.Sensitive'] }],
    updated: [{ name: 'rows', old_value: 1, new_value: 2 }],
    deleted: [{ name: 'note', old_value: 'x' }],
  },
  data: '{"rows":9007199254740993}',
}

describe('an event of no system', () => {
  it('for OpenMetadata', () => {
    expect(json('openmetadata', native)).toEqual({
      eventId: native.id,
      eventType: 'entityUpdated',
      timestamp: 1_776_243_603_000,
      entity: {
        id: 't-1',
        type: 'table',
        name: 'orders',
        fullyQualifiedName: 'prod."sales.eu".orders',
        owner: { type: 'user', name: 'ada' },
        owners: [
          { type: 'user', name: 'ada' },
          { type: 'user', name: 'bob' },
        ],
        domain: { type: 'domain', name: 'Sales' },
        domains: [{ type: 'domain', name: 'Sales' }],
        tags: [{ tagFQN: 'PII.Sensitive' }],
        href: 'https://c.example/t',
        extension: { rows: 9_007_199_254_740_992 },
      },
      changeDescription: {
        fieldsAdded: [{ name: 'tags', newValue: ['PII.Sensitive'] }],
        fieldsUpdated: [{ name: 'rows', oldValue: 1, newValue: 2 }],
        fieldsDeleted: [{ name: 'note', oldValue: 'x' }],
      },
      webhookName: 'mirror',
      signature: expect.stringMatching(/^sha256=[\da-f]{64}$/),
    })
    expect(text('openmetadata', native)).toContain('"extension":{"rows":9007199254740993}')
    const real = json('openmetadata-real', native)
    expect(real).toMatchObject({ entityType: 'table', entityFullyQualifiedName: 'prod."sales.eu".orders', userName: 'ada' })
    // a name of its own, the same for the same object
    expect(real.entityId).toMatch(/^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(JSON.parse(real.entity as string)).toMatchObject({ id: real.entityId, type: 'table' })
  })

  it.each([
    ['table.created', 'entityCreated'],
    ['table.updated', 'entityUpdated'],
    ['table.softDeleted', 'entitySoftDeleted'],
    ['instrument.archived', 'entitySoftDeleted'],
    ['dataset.delete', 'entityDeleted'],
    ['table.restored', 'entityRestored'],
    ['test.failed', 'entityUpdated'],
  ])('%s is %s in OpenMetadata', (type, eventType) => {
    expect(json('openmetadata', { ...native, type })).toMatchObject({ eventType })
  })

  it.each([
    ['table.created', 'ontology.object.created'],
    ['table.updated', 'ontology.object.updated'],
    ['table.archived', 'ontology.object.deleted'],
    ['table.deleted', 'ontology.object.deleted'],
    ['table.failed', 'table.failed'],
  ])('%s is %s in Foundry', (type, expected) => {
    expect(json('foundry', { ...native, type })).toMatchObject({ id: native.id, type: expected })
  })

  it('for Foundry, with the members that its handlers read', () => {
    expect(json('foundry', native).data).toEqual({
      objectType: 'table',
      primaryKey: 't-1',
      name: 'prod."sales.eu".orders',
      changedProperties: { tags: ['PII.Sensitive'], rows: 2, note: null },
      properties: { rows: 9_007_199_254_740_992 },
    })
    const build = { ...native, type: 'build.completed', entity: { type: 'build', id: 'b1' }, data: '{"status":"success"}' }
    expect(json('foundry', build).data).toEqual({ status: 'success', buildRid: 'b1', buildStatus: 'SUCCEEDED' })
    const dataset = { ...native, type: 'dataset.updated', entity: { type: 'dataset', id: 'd1' }, data: 'null' }
    expect(json('foundry', dataset).data).toEqual({ datasetRid: 'd1', branch: 'master' })
    const { entity: _, change: __, ...bare } = native
    expect(json('foundry', { ...bare, type: 'ping', data: '[1]' })).toEqual({ id: native.id, type: 'ping', data: { value: [1] } })
  })

  it('for Opteryx, in its vocabulary', () => {
    expect(text('opteryx', { ...native, actor: 'ä', type: 'table.deleted' })).toBe(
      '{"event": {"action": "delete", "workspace": "prod", "collection": "sales.eu", "resource_type": "dataset", "resource_name": "orders", "timestamp": 1776243603000}, "data": {}}',
    )
    expect(
      text('opteryx', { ...native, type: 'table.created', data: '{"location":"gs://b","schema":{"fields":[]},"größe":1.0}' }),
    ).toContain('"data": {"location": "gs://b", "schema": {"fields": []}, "properties": {"gr\\u00f6\\u00dfe": 1.0, "change": ')
    const short = { ...native, entity: { type: 'view', name: 'daily' }, type: 'view.created', data: '{"definition":"SELECT 1"}' }
    expect(json('opteryx', short)).toMatchObject({
      event: { action: 'create', workspace: 'warehouse', collection: 'warehouse', resource_type: 'view', resource_name: 'daily' },
      data: { definition: 'SELECT 1' },
    })
  })

  it('for Sesam, an entity that a dataset keeps the latest of', () => {
    expect(json('sesam', { ...native, type: 'table.deleted' })).toMatchObject({ _id: 't-1', _deleted: true, event_type: 'table.deleted' })
    expect(text('sesam', native)).toMatch(/^\{"_id":"t-1","event_id":.*"data":\{"rows":9007199254740993\}\}$/)
  })
})

describe('signature within the OpenMetadata body', () => {
  const context = { ...plainContext, secrets: ['new', 'old'] }
  const render = (secrets: string[]) => Buffer.from(formats.get('openmetadata').render(native, { ...context, secrets }).body).toString()

  it('is that of the body without it, by the newest secret, and can be checked by taking it out', () => {
    const { signature, ...rest } = JSON.parse(render(['new', 'old'])) as Record<string, unknown>
    const sign = (body: string) => `sha256=${createHmac('sha256', 'new').update(body).digest('hex')}`
    expect(sign(render(['new', 'old']).replace(/,"signature":"[^"]*"\}$/, '}'))).toBe(signature)
    expect(Object.keys(rest)).toEqual(['eventId', 'eventType', 'timestamp', 'entity', 'changeDescription', 'webhookName'])
    // where no number is too large for the language of the receiver
    const plain = { ...native, data: 'null' }
    const { signature: own, ...members } = JSON.parse(Buffer.from(formats.get('openmetadata').render(plain, context).body).toString())
    expect(sign(JSON.stringify(members))).toBe(own)
  })

  it('is left out where there is no secret', () => {
    expect(JSON.parse(render([]))).not.toHaveProperty('signature')
  })

  it('stands in every event of a batch', () => {
    const { data, paging } = JSON.parse(
      Buffer.from(formats.get('openmetadata').renderBatch?.([native, native], context).body ?? '').toString(),
    )
    expect(paging).toEqual({ total: 2 })
    expect(data).toEqual([JSON.parse(render(['new', 'old'])), JSON.parse(render(['new', 'old']))])
  })
})
