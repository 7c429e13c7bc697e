import { describe, expect, it } from 'vitest'
import { typeOf } from '../../shared/receiver/event.ts'
import { router } from '../../shared/receiver/index.ts'

const took = (names: string[]) => {
  const calls: string[] = []
  const unknown: (string | undefined)[] = []
  const handlers = Object.fromEntries(names.map((name) => [name, () => calls.push(name)]))
  const route = router<object, { type: string | undefined }>(handlers, { onUnknown: (type) => unknown.push(type) })
  return { calls, unknown, route: (type: string | undefined) => route({}, { type }) }
}

describe('router', () => {
  it.each([
    ['table.updated', ['*', 'table.*', 'table.updated'], 'table.updated'],
    ['table.u', ['table.*', 'table.u'], 'table.u'],
    ['table.column.added', ['*', 'table.*', 'table.column.*'], 'table.column.*'],
    ['market.created', ['*', 'table.*'], '*'],
    [undefined, ['table.*', '*'], '*'],
  ])('takes the pattern that says most: %s of %s', async (type, names, expected) => {
    const { calls, unknown, route } = took(names)
    await route(type)
    expect(calls).toEqual([expected])
    expect(unknown).toEqual([])
  })

  it('passes over what no pattern covers, and reports it', async () => {
    const { calls, unknown, route } = took(['table.*', 'build.completed'])
    for (const type of ['table', 'tables.updated', 'build.completed.late', 'toString', '__proto__', undefined]) await route(type)
    expect(calls).toEqual([])
    expect(unknown).toEqual(['table', 'tables.updated', 'build.completed.late', 'toString', '__proto__', undefined])
    await expect(router({})({}, { type: 'a', id: '1', headers: {}, body: Buffer.alloc(0) })).resolves.toBeUndefined()
  })

  it('waits for the handler and fails with it', async () => {
    const route = router<object, { type: string }>({ '*': () => Promise.reject(new Error('no room')) })
    await expect(route({}, { type: 'a' })).rejects.toThrow('no room')
  })
})

describe('the type of an event', () => {
  it.each([
    ['Foundry, Tidings, CloudEvents', { type: 'table.updated' }, 'table.updated'],
    ['Ptolemy', { event_type: 'instrument.created', data: { type: 'stock' } }, 'instrument.created'],
    ['OpenMetadata', { eventType: 'entityUpdated', entityType: 'table' }, 'entityUpdated'],
    ['Opteryx', { event: { action: 'create', resource_type: 'dataset' }, data: {} }, 'dataset.create'],
    ['HubSpot', { subscriptionType: 'contact.creation' }, 'contact.creation'],
    ['nobody we know', { kind: 'x', type: '' }, undefined],
  ])('is found where %s has it', (_, event, expected) => {
    expect(typeOf(event)).toBe(expected)
  })
})
