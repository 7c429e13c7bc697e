import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewPartial, Storage, ViewChange } from '../../shared/storage/storage.ts'
import { aNewEvent, anId, someTime } from '../support/builders.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

const aPartial = (members: Partial<NewPartial> = {}): NewPartial => ({
  id: anId(),
  organizationId: 'org',
  source: 'hubspot',
  dedupKey: null,
  bodyHash: 'same',
  draft: { type: 'company.creation', entity: { type: 'company', id: '7' } },
  raw: Buffer.from('{"objectId":7}'),
  headers: {},
  receivedAt: someTime,
  ...members,
})

const aVersion = (entityId: string, hash = 'h1', deleted = false) => ({ entityId, hash, deleted, entity: `{"hash":"${hash}"}` })
const aChange = (source: string, members: Partial<ViewChange> = {}): ViewChange => ({
  organizationId: 'org',
  source,
  expected: [],
  versions: [],
  scanId: null,
  seen: [],
  scan: null,
  partial: null,
  ...members,
})
const aScan = (id: string, more = {}) => ({
  id,
  isFull: true,
  lastRequestId: '1',
  startSeq: 0,
  state: 'running' as const,
  created: 0,
  updated: 0,
  deleted: 0,
  unchanged: 0,
  startedAt: someTime,
  expects: null,
  ...more,
})
const keyed = (dedupKey: string, bodyHash = dedupKey) => ({ ...aNewEvent({ source: 'view' }), dedupKey, bodyHash })

describe.each(dialects)('partial events on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  const received = async (partial = aPartial()) => {
    await storage.partials.receive([partial], 'id')
    return partial
  }

  it('wait from when they are received, as they came', async () => {
    const partial = await received(aPartial({ source: 'whole', dedupKey: 'k' }))

    expect(await storage.partials.load(partial.id)).toEqual({
      ...partial,
      raw: new Uint8Array(partial.raw),
      state: 'waiting',
      attempts: 0,
      nextAttemptAt: someTime,
      updatedAt: someTime,
      lastStatusCode: null,
      reason: null,
      eventId: null,
    })
  })

  it('are received once, also when two copies come at once', async () => {
    const copies = Array.from({ length: 8 }, () => aPartial({ source: 'twice', dedupKey: 'one' }))

    const results = await Promise.all(copies.map((copy) => storage.partials.receive([copy], 'id')))

    const partials = results.flatMap((result) => (result.kind === 'received' ? result.partials : []))
    expect(new Set(partials.map(({ id }) => id)).size).toBe(1)
    expect(partials.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
  })

  it('are refused whole when an id comes back with another body, unless the id alone counts', async () => {
    await received(aPartial({ source: 'bodies', dedupKey: 'a' }))
    const other = [aPartial({ source: 'bodies' }), aPartial({ source: 'bodies', dedupKey: 'a', bodyHash: 'other' })]

    expect(await storage.partials.receive(other, 'bytes')).toEqual({ kind: 'conflict', index: 1 })
    expect((await storage.partials.list('org', 'bodies', { limit: 10 })).rows).toHaveLength(1)
    expect(await storage.partials.receive(other, 'id')).toMatchObject({ kind: 'received' })
  })

  it('with an id made of their content are news again once looked up, and ask for one more look before', async () => {
    const first = aPartial({ source: 'content', dedupKey: 'same' })
    const again = () => storage.partials.receive([aPartial({ source: 'content', dedupKey: 'same' })], 'content')
    await again()
    const [row] = (await storage.partials.list('org', 'content', { limit: 1 })).rows as unknown as [{ id: string; receivedAt: number }]

    expect(await again()).toEqual({ kind: 'received', partials: [{ id: row.id, duplicate: true }] })
    const end = { state: 'discarded', attempts: 1, statusCode: 404, reason: 'gone' } as const
    expect(await storage.partials.end(row.id, row.receivedAt, end, someTime)).toBe(false)
    expect(await storage.partials.end(row.id, row.receivedAt + 1, end, someTime)).toBe(true)
    expect(await storage.partials.receive([first], 'content')).toEqual({ kind: 'received', partials: [{ id: first.id, duplicate: false }] })
  })

  it('are due by their time, page by page, until they end', async () => {
    const list = [3, 1, 2].map((at) => aPartial({ receivedAt: at }))
    await storage.partials.receive(list, 'id')
    const [late, early, middle] = list as [NewPartial, NewPartial, NewPartial]

    const page = await storage.partials.due(10, 2)
    expect(page.map(({ id }) => id)).toEqual([early.id, middle.id])
    expect((await storage.partials.due(10, 2, page[1])).map(({ id }) => id)).toEqual([late.id])
    expect(await storage.partials.due(0, 2)).toEqual([])

    await storage.partials.postpone(early.id, { attempts: 1, statusCode: 500, reason: 'answered 500', nextAttemptAt: 100 }, 5)
    await storage.partials.end(middle.id, middle.receivedAt, { state: 'failed', attempts: 2, statusCode: null, reason: 'lost' }, 6)
    expect((await storage.partials.due(10, 9)).map(({ id }) => id)).toEqual([late.id])
    expect(await storage.partials.load(early.id)).toMatchObject({
      attempts: 1,
      lastStatusCode: 500,
      reason: 'answered 500',
      nextAttemptAt: 100,
    })
  })

  it('are listed newest first, by state, within their organization and source', async () => {
    const list = [aPartial({ source: 'listed' }), aPartial({ source: 'listed' }), aPartial({ source: 'listed' })]
    await storage.partials.receive(list, 'id')
    const [first, second, third] = list as [NewPartial, NewPartial, NewPartial]
    await storage.partials.end(second.id, someTime, { state: 'failed', attempts: 1, statusCode: 500, reason: 'x' }, someTime)
    const ids = async (page: Parameters<Storage['partials']['list']>[2], organizationId = 'org') =>
      (await storage.partials.list(organizationId, 'listed', page)).rows.map(({ id }) => id)

    expect(await ids({ limit: 2 })).toEqual([third.id, second.id])
    expect(await ids({ limit: 2, after: second.id })).toEqual([first.id])
    expect(await ids({ limit: 9, state: 'failed' })).toEqual([second.id])
    expect(await ids({ limit: 9 }, 'other')).toEqual([])
  })

  it('are looked up again when they have failed, and only then', async () => {
    const partial = await received(aPartial({ source: 'again' }))
    const retry = (organizationId = 'org') => storage.partials.retry(organizationId, 'again', partial.id, someTime + 9)

    expect(await retry()).toBe('open')
    await storage.partials.end(partial.id, someTime, { state: 'failed', attempts: 4, statusCode: 500, reason: 'x' }, someTime)
    expect(await retry('other')).toBeUndefined()
    expect(await retry()).toMatchObject({ state: 'waiting', attempts: 0, nextAttemptAt: someTime + 9 })
  })

  it('are forgotten when they have ended long ago, and never while they wait', async () => {
    const old = { source: 'old', receivedAt: 1_000 }
    const [waiting, discarded, failed] = [aPartial(old), aPartial(old), aPartial(old)]
    await storage.partials.receive([waiting, discarded, failed], 'id')
    await storage.partials.end(discarded.id, 1_000, { state: 'discarded', attempts: 1, statusCode: 404, reason: 'x' }, 1)
    await storage.partials.end(failed.id, 1_000, { state: 'failed', attempts: 1, statusCode: 500, reason: 'x' }, 1)

    await storage.partials.forget({ ended: 2_000, failed: 500 }, 100)

    const left = (await storage.partials.list('org', 'old', { limit: 9 })).rows.map(({ id }) => id)
    expect(left.sort()).toEqual([waiting.id, failed.id].sort())
  })
})

describe.each(dialects)('the collect view on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  const apply = (change: ViewChange, ...events: ReturnType<typeof keyed>[]) => storage.collect.apply(change, { events, now: someTime })
  const isNew = (...ids: string[]) => ids.map((entityId) => ({ entityId, seq: null }))

  it('takes versions and the events that tell of them together', async () => {
    const event = keyed('1')

    const result = await apply(aChange('both', { expected: isNew('1', '2'), versions: [aVersion('1'), aVersion('2')] }), event)

    expect(result).toEqual({ kind: 'accepted', events: [{ id: event.envelope.id, duplicate: false }] })
    expect(await storage.collect.page('org', 'both', { since: 0, limit: 9 })).toEqual([
      { ...aVersion('1'), seq: 1, updatedAt: someTime },
      { ...aVersion('2'), seq: 2, updatedAt: someTime },
    ])
    expect(await storage.events.load(event.envelope.id)).toBeDefined()
    expect(await storage.collect.extent('org', 'both')).toEqual({ seq: 2, live: 2 })
    expect(await storage.collect.extent('other', 'both')).toEqual({ seq: 0, live: 0 })
  })

  it('writes nothing when something has changed meanwhile, or an event cannot be told', async () => {
    await apply(aChange('stale', { expected: isNew('1'), versions: [aVersion('1')] }), keyed('taken', 'one body'))
    const [late, clashing] = [keyed('late'), keyed('taken', 'another body')]

    expect(await apply(aChange('stale', { expected: isNew('1', '9'), versions: [aVersion('1', 'h2'), aVersion('9')] }), late)).toEqual({
      kind: 'stale',
    })
    expect(await apply(aChange('stale', { expected: isNew('9'), versions: [aVersion('9')] }), clashing)).toMatchObject({ kind: 'conflict' })
    expect((await storage.collect.page('org', 'stale', { since: 0, limit: 9 })).map(({ entityId, hash }) => [entityId, hash])).toEqual([
      ['1', 'h1'],
    ])
    expect(await storage.events.load(late.envelope.id)).toBeUndefined()
  })

  it('lets one of many that change the same entity at once through', async () => {
    const attempts = Array.from({ length: 10 }, (_, i) =>
      apply(aChange('race', { expected: isNew('1'), versions: [aVersion('1', `h${i}`)] }), keyed(`race ${i}`)),
    )

    const kinds = (await Promise.all(attempts)).map(({ kind }) => kind)

    expect(kinds.filter((kind) => kind === 'accepted')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'stale')).toHaveLength(9)
  })

  it('moves a changed entity to the end of its cursor', async () => {
    await apply(aChange('cursor', { expected: isNew('1', '2'), versions: [aVersion('1'), aVersion('2')] }))
    await apply(aChange('cursor', { expected: [{ entityId: '1', seq: 1 }], versions: [aVersion('1', 'h2', true)] }))

    expect((await storage.collect.page('org', 'cursor', { since: 1, limit: 9 })).map(({ entityId, seq }) => [entityId, seq])).toEqual([
      ['2', 2],
      ['1', 3],
    ])
    expect(await storage.collect.extent('org', 'cursor')).toEqual({ seq: 3, live: 1 })
    expect(await storage.collect.current('org', 'cursor', ['1', '3'])).toMatchObject([{ entityId: '1', deleted: true, seq: 3 }])
  })

  it('knows what a scan has not had: not what it marked, what came later, or what is deleted', async () => {
    const ids = ['a', 'b', 'c', 'd']
    await apply(aChange('scan', { expected: isNew(...ids), versions: ids.map((id) => aVersion(id, 'h1', id === 'd')) }))
    const scan = aScan('s', { startSeq: 4 })
    await apply(aChange('scan', { scanId: 's', seen: ['a'], scan, expected: isNew('e'), versions: [aVersion('e')] }))
    await apply(aChange('scan', { expected: isNew('f'), versions: [aVersion('f')] }))
    const missing = async (page: { limit: number; after?: string }) =>
      (await storage.collect.missing('org', 'scan', scan, page)).map(({ entityId }) => entityId)

    expect(await missing({ limit: 9 })).toEqual(['b', 'c'])
    expect(await missing({ limit: 1 })).toEqual(['b'])
    expect(await missing({ limit: 1, after: 'b' })).toEqual(['c'])
  })

  it('takes the parts of a scan in their order, and a new scan in place of one that runs', async () => {
    const put = (scan: ViewChange['scan']) => apply(aChange('parts', { scan }))

    expect(await put(aScan('one'))).toMatchObject({ kind: 'accepted' })
    expect(await put(aScan('one'))).toEqual({ kind: 'stale' })
    expect(await put(aScan('one', { expects: '0', lastRequestId: '2' }))).toEqual({ kind: 'stale' })
    expect(await put(aScan('one', { expects: '1', lastRequestId: '2', created: 5 }))).toMatchObject({ kind: 'accepted' })
    expect(await storage.collect.scan('org', 'parts', 'one')).toMatchObject({ lastRequestId: '2', created: 5, state: 'running' })

    expect(await put(aScan('two'))).toMatchObject({ kind: 'accepted' })
    expect(await storage.collect.scan('org', 'parts', 'one')).toMatchObject({ state: 'broken' })
    expect(await put(aScan('one', { expects: '2', lastRequestId: '3' }))).toEqual({ kind: 'stale' })
  })

  it('ends a partial event with the event that it became, once', async () => {
    const partial = aPartial({ source: 'ends' })
    await storage.partials.receive([partial], 'id')
    const ending = { id: partial.id, receivedAt: someTime, attempts: 2, statusCode: 200, reason: null }
    const event = keyed('ends')

    expect(await apply(aChange('ends', { partial: { ...ending, receivedAt: someTime - 1 } }), event)).toEqual({ kind: 'stale' })
    expect(await apply(aChange('ends', { partial: ending }), event)).toMatchObject({ kind: 'accepted' })
    expect(await apply(aChange('ends', { partial: ending }), event)).toEqual({ kind: 'stale' })
    expect(await storage.partials.load(partial.id)).toMatchObject({ state: 'accepted', eventId: event.envelope.id, attempts: 2 })
  })
})
