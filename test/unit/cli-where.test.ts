import { describe, expect, it } from 'vitest'
import { Failure } from '../../infra/cli/common/fail.ts'
import { bodiesOf, eventFrom } from '../../infra/cli/common/posted.ts'
import { durationOf, momentOf } from '../../infra/cli/common/time.ts'
import { wholeOf, whereOf, type Flags, type Log } from '../../infra/cli/common/where.ts'
import { deliveryFields, eventFields } from '../../shared/contracts/api/fields.ts'
import { checkFilter } from '../../shared/storage/query.ts'

const now = Date.UTC(2026, 3, 15, 9)
const filterOf = (flags: Flags, log: Log = 'deliveries') => wholeOf(whereOf(flags, log, now))

describe('flags of the log', () => {
  it('become conditions of its filter', () => {
    expect(filterOf({})).toBeUndefined()
    expect(filterOf({ status: ['failed'] })).toEqual({ field: 'status', op: 'eq', value: 'failed' })
    expect(filterOf({ status: ['failed', 'cancelled'], source: ['crm'], since: '1h', until: '2026-04-15' })).toEqual({
      and: [
        { field: 'source', op: 'eq', value: 'crm' },
        { field: 'created_at', op: 'gte', value: '2026-04-15T08:00:00.000Z' },
        { field: 'created_at', op: 'lt', value: '2026-04-15T00:00:00.000Z' },
        { field: 'status', op: 'in', value: ['failed', 'cancelled'] },
      ],
    })
    expect(filterOf({ type: ['table.updated'], since: '1h' }, 'events')).toEqual({
      and: [
        { field: 'type', op: 'eq', value: 'table.updated' },
        { field: 'received_at', op: 'gte', value: '2026-04-15T08:00:00.000Z' },
      ],
    })
  })

  it.each([
    ['table.updated', true],
    ['table.a.b', true],
    ['table', false],
    ['tables.updated', false],
    ['tablf', false],
  ])('take a prefix as what stands below it: %s', (type, holds) => {
    const filter = filterOf({ type: ['table.*'] }) as { and: { op: string; value: string }[] }
    const [from, to] = filter.and.map(({ value }) => value) as [string, string]
    expect(type >= from && type < to).toBe(holds)
  })

  it('are all filters that the log takes', () => {
    const flags: Flags = {
      status: ['failed'],
      type: ['table.*', '*', 'a.b'],
      webhook: ['id'],
      source: ['s'],
      event: ['e', 'f'],
      entity: 'orders',
      entityType: ['table'],
      outcome: ['timed_out'],
      text: 'zip',
      since: '2d',
      until: '1s',
      filter: '{"field": "attempts", "op": "gt", "value": 3}',
    }
    expect(() => checkFilter(deliveryFields, filterOf(flags) ?? { and: [] })).not.toThrow()
    const { status: _s, webhook: _w, outcome: _o, filter: _f, ...forEvents } = flags
    expect(() => checkFilter(eventFields, filterOf(forEvents, 'events') ?? { and: [] })).not.toThrow()
  })

  it('are told apart by whether what they ask for can still change', () => {
    const filter = '{"or": [{"field": "entity_name", "op": "like", "value": "x"}, {"field": "last_status_code", "op": "eq", "value": 500}]}'
    const { fixed, moving } = whereOf({ status: ['failed'], source: ['crm'], filter }, 'deliveries', now)
    expect(fixed).toEqual([{ field: 'source', op: 'eq', value: 'crm' }])
    expect(moving).toEqual([{ field: 'status', op: 'eq', value: 'failed' }, JSON.parse(filter)])
  })

  it.each<[Flags, RegExp, Log?]>([
    [{ status: ['lost'] }, /--status lost: must be one of pending/],
    [{ outcome: ['x'] }, /--outcome x/],
    [{ type: ['a..b'] }, /--type a\.\.b: must be an event type/],
    [{ type: ['*.updated'] }, /--filter/],
    [{ since: 'yesterday' }, /--since yesterday/],
    [{ filter: '{' }, /--filter: is not JSON/],
    [{ filter: '{"field": "x", "op": "is", "value": 1}' }, /--filter/],
    [{ status: ['failed'] }, /mean nothing for events/, 'events'],
  ])('are refused with what is wrong: %o', (flags, message, log = 'deliveries') => {
    expect(() => whereOf(flags, log, now)).toThrow(message)
    expect(() => whereOf(flags, log, now)).toThrow(expect.objectContaining({ exit: 2 }) as Failure)
  })
})

describe('times', () => {
  it('are a number and a unit, or a moment', () => {
    expect(['500ms', '2s', '1.5h', '7d'].map((text) => durationOf(text, '--delay'))).toEqual([500, 2_000, 5_400_000, 604_800_000])
    expect(momentOf('2026-04-15T10:00:00+02:00', '--since', now)).toBe('2026-04-15T08:00:00.000Z')
    expect(() => durationOf('2', '--delay')).toThrow(/--delay 2: must be a number and a unit/)
    expect(() => momentOf('2y', '--since', now)).toThrow(Failure)
  })
})

describe('what is posted', () => {
  it('is a text as it stands, numbers beyond 2^53 included', () => {
    const text = '{"type": "a.b", "data": {"n": 12345678901234567890}}'
    expect(bodiesOf(text)).toEqual([{ contentType: 'application/json', body: text }])
  })

  it('is told to be CloudEvents by their version', () => {
    expect(bodiesOf('{"specversion": "1.0"}')[0]?.contentType).toBe('application/cloudevents+json')
    expect(bodiesOf('[{"specversion": "1.0"}]')[0]?.contentType).toBe('application/cloudevents-batch+json')
    expect(bodiesOf('[]')[0]?.contentType).toBe('application/json')
  })

  it('is one event a line, put into arrays', () => {
    const lines = Array.from({ length: 501 }, (_, n) => `{"type":"a.n${n}"}`)
    const bodies = bodiesOf(`${lines.join('\n')}\n\n`)
    expect(bodies.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([500, 1])
    expect(() => bodiesOf('{"type":"a"}\nnonsense')).toThrow(/line 2 is no JSON object/)
    expect(() => bodiesOf('nonsense')).toThrow(/this is not JSON/)
  })

  it('is made of flags', async () => {
    const event = await eventFrom({ type: 'table.updated', entity: 'a.b', entityType: 'table', data: '{"rows": 3}' })
    expect(event).toEqual({ type: 'table.updated', entity: { type: 'table', name: 'a.b' }, data: { rows: 3 } })
    expect(await eventFrom({ type: 'a.b', entityType: 'table' })).toEqual({ type: 'a.b' })
    await expect(eventFrom({ type: 'a.b', entityType: 'table', data: '{' })).rejects.toThrow(/--data: is not JSON/)
  })
})
