import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Filter, SortKey } from '../../shared/contracts/filter.ts'
import { migrate, openDatabase, type Db } from '../../shared/storage/sqlite/database.ts'
import { reads } from '../../shared/storage/sqlite/delivery-log.ts'
import { select, type FlatRecord, type Value } from '../support/filter-model.ts'

let db: Db
let log: ReturnType<typeof reads>
beforeAll(() => {
  db = openDatabase(':memory:', { readOnly: false })
  migrate(db)
  log = reads(db)
})
afterAll(() => db.$client.close())

const blank: Omit<FlatRecord, 'id'> = {
  webhook_id: 'w',
  event_type: 't',
  status: 'failed',
  attempts: 0,
  created_at: 0,
  delivered_at: null,
  last_status_code: null,
  last_error: null,
  source: 's',
  entity_name: null,
}

/** Records straight into the tables, so that every field can have every value. */
function insert(organization: string, records: FlatRecord[]): void {
  const event = db.$client.prepare(
    "INSERT INTO events (id, organization_id, source, body_hash, type, envelope, headers, raw, received_at) VALUES (?, ?, ?, '', '', ?, '{}', x'', 0)",
  )
  const delivery = db.$client.prepare(
    `INSERT INTO deliveries (id, organization_id, event_id, webhook_id, event_type, subscription_ids, state, generation, attempts, step, accepted_at, created_at, updated_at, delivered_at, last_status_code, last_error)
     VALUES (?, ?, ?, ?, ?, '[]', ?, 0, ?, 0, 0, ?, 0, ?, ?, ?)`,
  )
  for (const given of records) {
    const one = { ...blank, ...given }
    const id = `${organization}/${one.id}`
    event.run(id, organization, one.source, JSON.stringify({ entity: { name: one.entity_name ?? undefined } }))
    const { webhook_id, event_type, status, attempts, created_at, delivered_at, last_status_code, last_error } = one
    delivery.run(id, organization, id, webhook_id, event_type, status, attempts, created_at, delivered_at, last_status_code, last_error)
  }
}

type Request = { filter?: Filter | undefined; sort?: SortKey[] | undefined; limit: number }

/** Every page, one after the other; `between` runs after each. */
function readAll(organization: string, request: Request, between: () => void = () => {}): string[] {
  const ids: string[] = []
  for (let after: string | undefined; ; ) {
    const page = log.filter(organization, { ...request, after })
    ids.push(...page.rows.map((row) => row.id.slice(organization.length + 1)))
    if (page.nextCursor === null) return ids
    after = page.nextCursor
    between()
  }
}

const words = ['', 'a', 'A', 'ab', 'a%', 'a_b', '\\', 'É', 'é', '🜁', "'", '%', 'failed', 'table.updated']
const text = fc.constantFrom(...words)
const small = fc.integer({ min: -1, max: 3 })
const time = fc.constantFrom(0, 1, 999, 1_000, 1_795_344_470_384)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 3 })
const states = ['pending', 'retrying', 'succeeded', 'failed', 'cancelled']

const fields: Record<string, fc.Arbitrary<Value>> = {
  webhook_id: text,
  event_type: text,
  status: fc.constantFrom(...states),
  attempts: small,
  created_at: time,
  delivered_at: maybe(time),
  last_status_code: maybe(small),
  last_error: maybe(text),
  source: text,
  entity_name: maybe(text),
}
const texts = ['webhook_id', 'event_type', 'last_error', 'source', 'entity_name']
const record: fc.Arbitrary<Omit<FlatRecord, 'id'>> = fc.record(fields)

const wire = (field: string, value: Value): string | number | null =>
  value !== null && field.endsWith('_at') ? new Date(value as number).toISOString() : value
const field = fc.constantFrom(...Object.keys(fields))
const valueOf = (name: string) => (fields[name] as fc.Arbitrary<Value>).map((value) => wire(name, value))
const condition: fc.Arbitrary<Filter> = fc.oneof(
  field.chain((name) =>
    fc.record({ field: fc.constant(name), op: fc.constantFrom('eq' as const, 'ne' as const), value: maybe(valueOf(name)) }),
  ),
  field.chain((name) =>
    fc.record({
      field: fc.constant(name),
      op: fc.constantFrom('lt' as const, 'lte' as const, 'gt' as const, 'gte' as const),
      value: valueOf(name).filter((value) => value !== null),
    }),
  ),
  field.chain((name) =>
    fc.record({
      field: fc.constant(name),
      op: fc.constantFrom('in' as const, 'not_in' as const),
      value: fc.array(maybe(valueOf(name)), { maxLength: 4 }),
    }),
  ),
  fc.record({ field: fc.constantFrom(...texts), op: fc.constant('like' as const), value: text }),
  fc.record({ field, op: fc.constant('is_null' as const), value: fc.boolean() }),
)
const filter = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    condition,
    fc.record({ and: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
  ),
})).filter
const sort: fc.Arbitrary<SortKey[]> = fc
  .uniqueArray(field, { minLength: 1, maxLength: 3 })
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.record({ field: fc.constant(name), direction: fc.constantFrom('asc' as const, 'desc' as const) }))),
  )

describe('filter, sort and pages', () => {
  it('give what the same question gives over records in memory, whatever is inserted between two pages', () => {
    let run = 0
    const property = fc.property(
      fc.array(record, { maxLength: 25 }),
      fc.array(record, { maxLength: 5 }),
      fc.option(filter, { nil: undefined }),
      sort,
      fc.integer({ min: 1, max: 7 }),
      (first, later, wanted, order, limit) => {
        const organization = `run ${++run}`
        const records = first.map((one, i): FlatRecord => ({ ...one, id: `r${String(i).padStart(2, '0')}` }))
        const arrivals = later.map((one, i): FlatRecord => ({ ...one, id: `q${i}` }))
        insert(organization, records)

        const expected = select(records, wanted, order)
        expect(log.count(organization, wanted)).toEqual({ count: expected.length, exact: true })
        const ids = readAll(organization, { filter: wanted, sort: order, limit }, () => insert(organization, arrivals.splice(0, 1)))

        expect(ids.filter((id) => id.startsWith('r'))).toEqual(expected)
        expect(new Set(ids).size).toBe(ids.length)
      },
    )
    fc.assert(property, { numRuns: 400 })
  })

  it('answer the questions of Ptolemy as Ptolemy does', () => {
    const at = (minute: number) => Date.parse(`2026-04-15T09:0${minute}:10Z`)
    const hook = 'your-webhook-uuid'
    insert('ptolemy', [
      { ...blank, id: 'a', webhook_id: hook, status: 'failed', delivered_at: at(0), event_type: 'instrument.created' },
      { ...blank, id: 'b', webhook_id: hook, status: 'failed', delivered_at: at(1), event_type: 'instrument.updated' },
      { ...blank, id: 'c', webhook_id: 'other', status: 'failed', delivered_at: at(2), event_type: 'instrument.updated' },
      { ...blank, id: 'd', webhook_id: hook, status: 'succeeded', delivered_at: at(3), event_type: 'instrument.updated' },
    ])
    const mine: Filter = {
      and: [
        { field: 'webhook_id', op: 'eq', value: hook },
        { field: 'status', op: 'eq', value: 'failed' },
      ],
    }
    const updated: Filter = { field: 'event_type', op: 'like', value: 'updated' }
    const succeeded: Filter = { field: 'status', op: 'in', value: ['succeeded'] }

    expect(readAll('ptolemy', { filter: mine, sort: [{ field: 'delivered_at', direction: 'desc' }], limit: 50 })).toEqual(['b', 'a'])
    expect(readAll('ptolemy', { filter: updated, sort: [{ field: 'delivered_at', direction: 'asc' }], limit: 50 })).toEqual(['b', 'c', 'd'])
    expect(readAll('ptolemy', { filter: succeeded, limit: 50 })).toEqual(['d'])
  })

  it('take a list of values far longer than SQL has parameters', () => {
    insert('long', [{ ...blank, id: 'a', attempts: 7 }])
    const list = (from: number): Filter => ({ field: 'attempts', op: 'in', value: Array.from({ length: 1000 }, (_, i) => from + i) })

    const either: Filter = { or: Array.from({ length: 50 }, (_, i) => list(i * 1000)) }

    expect(readAll('long', { filter: either, limit: 1 })).toEqual(['a'])
  })
})
