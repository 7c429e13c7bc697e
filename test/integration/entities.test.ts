import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCatalogs, types, type Catalogs } from '../support/catalogs.ts'

let catalogs: Catalogs
beforeAll(async () => {
  catalogs = await openCatalogs()
})
afterAll(() => catalogs.close())

const put: Catalogs['put'] = (...call) => catalogs.put(...call)
const post: Catalogs['post'] = (...call) => catalogs.post(...call)
const read: Catalogs['read'] = (...call) => catalogs.read(...call)
const sesam: Catalogs['sesam'] = (...call) => catalogs.sesam(...call)
const aCatalog: Catalogs['aCatalog'] = (...call) => catalogs.aCatalog(...call)
const collect = { id_member: '_id' }

describe('a full scan in one request', () => {
  it('tells what was created, updated and deleted, and what has changed in it', async () => {
    const name = await aCatalog()

    const first = await put(name, [
      { _id: '1', name: 'orders', owner: { team: 'sales', since: 2020 }, tags: ['a'] },
      { _id: '2', name: 'old' },
    ])
    expect(first.body).toMatchObject({ is_full: true, status: 'finished', created: 2, updated: 0, deleted: 0, unchanged: 0 })
    expect(types(first)).toEqual(['table.created 1', 'table.created 2'])
    expect(first.told[1]).toMatchObject({ data: { _id: '2', name: 'old' }, change: { added: [{ name: 'name', new_value: 'old' }] } })

    const second = await put(name, [{ _id: '1', name: 'orders', owner: { team: 'shop', since: 2020 }, rows: 3 }, { _id: '3' }])
    expect(second.body).toMatchObject({ created: 1, updated: 1, deleted: 1, unchanged: 0 })
    expect(types(second)).toEqual(['table.updated 1', 'table.created 3', 'table.deleted 2'])
    expect(second.told[0]?.change).toEqual({
      added: [{ name: 'rows', new_value: 3 }],
      updated: [{ name: 'owner.team', old_value: 'sales', new_value: 'shop' }],
      deleted: [{ name: 'tags', old_value: ['a'] }],
    })
    expect(second.told[2]).toMatchObject({
      data: { _id: '2', _deleted: true },
      change: { deleted: [{ name: 'name', old_value: 'old' }] },
    })
  })

  it('tells nothing when nothing has changed, however it is written', async () => {
    const name = await aCatalog()
    await put(name, '[{"_id":"1","a":1,"b":{"x":[1,2],"y":null}}]')

    const again = await put(name, ' [ {"b":{"y":null,"x":[1, 2]},\n"_updated":7,"a":1,"_id":"1"} ]')

    expect(again.body).toMatchObject({ created: 0, updated: 0, deleted: 0, unchanged: 1 })
    expect(again.told).toEqual([])
  })

  it.each(['half a character: \\ud800', 'none: \\u0000'])('knows an entity again whose id has %s', async (id) => {
    const name = await aCatalog()

    const replies = [await put(name, `[{"_id":"${id}","a":1}]`), await put(name, `[{"_id":"${id}","a":1}]`)]

    expect(replies.map(({ body }) => body)).toMatchObject([{ created: 1 }, { created: 0, unchanged: 1 }])
  })

  it('tells every change, also back to what was before, and of an entity that comes back', async () => {
    const name = await aCatalog()
    const versions = [
      [{ _id: '1', v: 'A' }],
      [{ _id: '1', v: 'B' }],
      [{ _id: '1', v: 'A' }],
      [{ _id: '1', _deleted: true }],
      [{ _id: '1', v: 'A' }],
    ]

    const replies = []
    for (const version of versions) replies.push(...types(await put(name, version)))

    expect(replies).toEqual(['table.created 1', 'table.updated 1', 'table.updated 1', 'table.deleted 1', 'table.created 1'])
  })

  it('takes ids, types and names from where the settings say, and lines for an array', async () => {
    const name = await aCatalog({ collect: { id_member: 'key', type_member: 'kind', name_member: 'path' } })
    const lines = '{"key":9007199254740993,"kind":"view","path":"a.b"}\n\n{"key":"x","kind":"dash board"}\r\n'

    const reply = await put(name, lines, '', { 'content-type': 'application/x-ndjson' })

    expect(types(reply)).toEqual(['view.created 9007199254740993', 'dash_board.created x'])
    expect(catalogs.ingest.offered.at(-2)?.envelope.entity).toEqual({ type: 'view', id: '9007199254740993', name: 'a.b' })
    const gone = await put(name, [{ key: 'x', kind: 'dash board' }])
    expect(types(gone)).toEqual(['view.deleted 9007199254740993'])
  })

  it('deletes nothing when it is not full', async () => {
    const name = await aCatalog()
    await put(name, [{ _id: '1' }, { _id: '2' }])

    expect((await put(name, [{ _id: '3' }], '?is_full=false')).body).toMatchObject({ is_full: false, created: 1, deleted: 0 })
  })

  it('deletes everything only when it is told that this is meant', async () => {
    const name = await aCatalog()
    expect(await put(name, [])).toMatchObject({ status: 200, body: { deleted: 0 } })
    await put(name, [{ _id: '1' }])

    const refused = await put(name, [])
    expect(refused).toMatchObject({ status: 409, body: { type: '/problems/conflict', errors: [{ field: 'query.allow_empty' }] }, told: [] })
    expect(types(await put(name, [], '?allow_empty=true'))).toEqual(['table.deleted 1'])
  })

  it('changes nothing when a part of it is wrong', async () => {
    const name = await aCatalog()

    const refused = await put(name, [{ _id: '1' }, { name: 'without an id' }, { _id: { a: 1 } }])

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: '[1]._id' }, { field: '[2]._id' }] }, told: [] })
    expect((await read(name)).body.data).toEqual([])
  })
})

describe('entities that are pushed', () => {
  it('become an event when they say something new, A after B too, and copies do not', async () => {
    const name = await sesam()
    const replies = []
    for (const v of ['A', 'A', 'B', 'A']) replies.push(...types(await post(name, { _id: '1', v })))

    expect(replies).toEqual(['company.updated 1', 'company.updated 1', 'company.updated 1'])
    expect(
      types(
        await post(name, [
          { _id: '1', v: 'B' },
          { _id: '1', v: 'A' },
          { _id: '1', v: 'A' },
        ]),
      ),
    ).toEqual(['company.updated 1', 'company.updated 1'])
  })

  it('become one event however many copies come at once', async () => {
    const name = await sesam()
    const from = catalogs.ingest.offered.length

    await Promise.all(Array.from({ length: 10 }, () => post(name, { _id: '1', v: 'A' })))

    expect(catalogs.ingest.offered.slice(from)).toHaveLength(1)
  })

  it('and scans are one view: each tells only what the other has not', async () => {
    const name = await sesam({ collect })
    expect(types(await post(name, [{ _id: '1', v: 1 }]))).toEqual(['company.created 1'])
    expect(
      types(
        await put(name, [
          { _id: '1', v: 1 },
          { _id: '2', v: 1 },
        ]),
      ),
    ).toEqual(['company.created 2'])
    const update = await post(name, { _id: '2', v: 2 })
    expect(update.told).toMatchObject([{ type: 'company.updated', change: { updated: [{ name: 'v', old_value: 1, new_value: 2 }] } }])
    expect(types(await post(name, { _id: '1', _deleted: true }))).toEqual(['company.deleted 1'])
    expect(types(await put(name, [{ _id: '2', v: 2 }]))).toEqual([])
  })
})

describe('the view', () => {
  it('is read from a cursor on: latest versions, in the order of their changes, as they were written', async () => {
    const name = await sesam()
    await put(name, '[{"_id":"1","n":12345678901234567890},{"_id":"2"},{"_id":"3"}]')
    await post(name, [
      { _id: '2', _deleted: true },
      { _id: '1', n: 1 },
    ])

    const all = await read(name)
    expect(all.body.data).toEqual([
      { _id: '3', _deleted: false, _updated: 3, _hash: expect.stringMatching(/^[0-9a-f]{64}$/), _ts: expect.any(Number) },
      { _id: '2', _deleted: true, _updated: 4, _hash: expect.any(String), _ts: expect.any(Number) },
      { _id: '1', _deleted: false, _updated: 5, _hash: expect.any(String), _ts: expect.any(Number), n: 1 },
    ])
    const page = await read(name, '?limit=2')
    expect(page.body.meta).toEqual({ next_cursor: '4', has_more: true })
    expect((await read(name, `?since=${page.body.meta.next_cursor}`)).body).toMatchObject({
      data: [{ _id: '1' }],
      meta: { has_more: false },
    })
    await post(name, '{"_id":"1","n":12345678901234567890}')
    expect((await read(name, '?since=5')).text).toContain('"n":12345678901234567890')
  })

  it('is for keys that may read, of its own organization', async () => {
    const name = await sesam()
    expect((await read(name, '', await catalogs.ingest.keyOf('org'))).status).toBe(403)
    expect((await read(name, '', await catalogs.ingest.keyOf('other', 'read'))).status).toBe(404)
    expect((await read('no-such-source')).status).toBe(404)
    expect((await read(name, '?limit=0')).body).toMatchObject({ errors: [{ field: 'query.limit' }] })
    expect((await read(name, '?page=2')).body).toMatchObject({ errors: [{ field: 'query.page' }] })
  })

  it('is there for sources that have one, and takes no more than it says', async () => {
    const without = await aCatalog({ collect: null })
    expect(await put(without, [])).toMatchObject({ status: 409, body: { detail: expect.stringContaining('`collect`') } })
    const many = Array.from({ length: 1_001 }, (_, i) => ({ _id: String(i) }))
    expect((await put(await sesam(), many)).status).toBe(413)
    const wrongMethod = await catalogs.ingest.app.request('/sources/x/entities', { method: 'DELETE' })
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'GET, PUT'])
    expect((await put('x', [], '', { authorization: '' })).status).toBe(401)
  })

  it('and the events that tell of it do not come apart when a process dies in between', async () => {
    const name = await aCatalog()
    await put(name, [
      { _id: '1', v: 1 },
      { _id: '2', v: 1 },
    ])
    catalogs.dieAfterChanges(true)
    const lost = await put(name, [
      { _id: '1', v: 2 },
      { _id: '3', v: 1 },
    ])
    catalogs.dieAfterChanges(false)
    expect(lost).toMatchObject({ status: 503, told: [] })

    // The transaction was whole: the sweep finds its three events, and the scan that is sent again has nothing to add.
    const waiting = (await catalogs.ingest.storage.events.notFannedOut(Number.MAX_SAFE_INTEGER, 1_000)).filter(
      ({ envelope }) => envelope.source === name,
    )
    expect(waiting.map(({ envelope }) => envelope.type).sort()).toEqual(
      ['table.created', 'table.created', 'table.created', 'table.deleted', 'table.updated'].sort(),
    )
    const again = await put(name, [
      { _id: '1', v: 2 },
      { _id: '3', v: 1 },
    ])
    expect(again).toMatchObject({ status: 200, body: { created: 0, updated: 0, deleted: 0, unchanged: 2 }, told: [] })
  })
})
