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
const send: Catalogs['send'] = (...call) => catalogs.send(...call)

describe('a scan in parts', () => {
  const part = (scan: string, id: number, more = '') =>
    `?sequence_id=${scan}&request_id=${id}${id === 1 ? '&is_first=true' : `&previous_request_id=${id - 1}`}${more}`

  it('deletes with its last part what none of them had, and not what came in between', async () => {
    const name = await sesam()
    await put(
      name,
      ['1', '2', '3'].map((_id) => ({ _id })),
    )

    expect(types(await put(name, [{ _id: '1' }], part('s', 1)))).toEqual([])
    await post(name, { _id: '9', by: 'event' })
    expect((await put(name, [{ _id: '2' }, { _id: '4' }], part('s', 2))).body).toMatchObject({
      id: 's',
      status: 'running',
      created: 1,
      unchanged: 2,
    })
    const end = await put(name, [], part('s', 3, '&is_last=true'))

    expect(types(end)).toEqual(['company.deleted 3'])
    expect(end.body).toMatchObject({ status: 'finished', created: 1, deleted: 1, unchanged: 2 })
  })

  it('deletes nothing when it is not full, or never ends', async () => {
    const name = await sesam()
    await put(name, [{ _id: '1' }])

    await put(name, [{ _id: '2' }], part('never-ends', 1))
    expect((await put(name, [{ _id: '2' }], part('s', 1, '&is_full=false&is_last=true'))).body).toMatchObject({
      status: 'finished',
      deleted: 0,
    })
    expect((await read(name)).body.data.map((entity) => entity['_deleted'])).toEqual([false, false])
  })

  it('may be sent again when the answer was lost, and is then taken once', async () => {
    const name = await sesam()
    await put(name, [{ _id: '1' }], part('s', 1))
    expect(await put(name, [{ _id: '1' }], part('s', 1))).toMatchObject({ status: 200, body: { status: 'running', created: 1 }, told: [] })
    await put(name, [{ _id: '2' }], part('s', 2, '&is_last=true'))
    expect(await put(name, [{ _id: '2' }], part('s', 2, '&is_last=true'))).toMatchObject({
      status: 200,
      body: { status: 'finished', created: 2 },
      told: [],
    })
  })

  it.each([
    ['no beginning', part('unknown', 2), 'query.sequence_id'],
    ['another part before it', '?sequence_id=s&request_id=9&previous_request_id=7', 'query.previous_request_id'],
    ['an end behind it', part('ended', 2), 'query.sequence_id'],
    ['a later scan', part('broken', 2), 'query.sequence_id'],
    ['begun before', part('ended', 1).replace('request_id=1', 'request_id=0'), 'query.sequence_id'],
    ['begun as full', part('s', 2, '&is_full=false'), 'query.is_full'],
  ])('is broken by %s: 409, and nothing changes', async (_, query, field) => {
    const name = await sesam()
    await put(name, [{ _id: '1' }], part('ended', 1, '&is_last=true'))
    await put(name, [{ _id: '1' }], part('broken', 1))
    await put(name, [{ _id: '1' }], part('s', 1))

    const refused = await put(name, [{ _id: '2' }], query)

    expect(refused).toMatchObject({ status: 409, body: { errors: [{ field }] }, told: [] })
    expect((await read(name)).body.data).toHaveLength(1)
  })

  it.each([
    ['?sequence_id=s&is_first=true', 'query.request_id'],
    ['?sequence_id=s&request_id=2', 'query.previous_request_id'],
    ['?is_last=true', 'query.sequence_id'],
    ['?is_full=yes', 'query.is_full'],
    ['?allow_empty=1', 'query.allow_empty'],
  ])('with parameters that say nothing is refused: %s', async (query, field) => {
    expect(await put(await sesam(), [], query)).toMatchObject({ status: 422, body: { errors: [{ field }] } })
  })

  it('comes to the path of a Sesam pipe, too, in its words', async () => {
    const name = await sesam()
    await send('POST', `/api/receivers/${name}/entities${part('s', 1)}`, [{ _id: '1' }, { _id: '2' }])
    await put(name, [{ _id: '1' }, { _id: '2' }], part('s', 2, '&is_last=true'))
    const reply = await send('POST', `/api/receivers/${name}/entities${part('t', 1, '&is_last=true')}`, [{ _id: '2' }])

    expect([reply.status, reply.body, types(reply)]).toEqual([200, {}, ['company.deleted 1']])
  })
})
