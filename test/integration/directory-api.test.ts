import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import { someTime } from '../support/builders.ts'
import type { Problem } from '../support/openmetadata.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
let ingest: string
beforeAll(async () => {
  status = await openStatusApp()
  ingest = await status.makeKey(['ingest'])
  for (const name of ['hr', 'crm']) await status.call('POST', '/sources', { name, adapter: 'cloudevents' })
})
afterAll(() => status.close())

type Entry = { name: string; source: string | null; webhook_id: string | null; [member: string]: unknown }
type Page = { data: Entry[]; meta: { next_cursor: string | null; has_more: boolean } }
const updated_at = new Date(someTime).toISOString()
const list = async (path: string) => (await status.call<Page>('GET', `/directory/${path}`)).body
const fill = (method: 'PUT' | 'POST', source: string, body: object) =>
  status.call(method, `/sources/${source}/directory`, body, { key: ingest })

describe('a user, a team', () => {
  it('is written whole, looked at, replaced and removed', async () => {
    const email = 'ada@example.com'

    const written = await status.call('PUT', '/directory/users/ada', { email, is_admin: true })
    const replaced = await status.call('PUT', '/directory/users/ada', { display_name: 'Ada' })

    const common = { name: 'ada', webhook_id: null, source: null, updated_at }
    expect(written).toMatchObject({ status: 201, body: { ...common, display_name: null, email, is_admin: true } })
    expect(replaced.status).toBe(200)
    expect(replaced.body).toEqual({ ...common, display_name: 'Ada', email: null, is_admin: false })
    expect((await status.call('GET', '/directory/users/ada')).body).toEqual(replaced.body)
    expect((await status.call('DELETE', '/directory/users/ada')).status).toBe(204)
    expect((await status.call('GET', '/directory/users/ada')).status).toBe(404)
  })

  it('has any name, and members each once', async () => {
    const name = 'Zoë’s / team 100%'

    const { body } = await status.call('PUT', `/directory/teams/${encodeURIComponent(name)}`, { members: ['ada', 'bob', 'ada'] })

    expect(body).toEqual({ name, display_name: null, email: null, webhook_id: null, members: ['ada', 'bob'], source: null, updated_at })
    expect((await status.call('GET', `/directory/teams/${encodeURIComponent(name)}`)).body).toEqual(body)
  })

  it('has a webhook of the organization, until that is removed', async () => {
    const { body: webhook } = await status.call<Webhook>('POST', '/webhooks', { url: 'https://example.com/in' })
    const stranger = await status.makeKey(['admin'], 'elsewhere')

    expect((await status.call('PUT', '/directory/users/eve', { webhook_id: webhook.id })).status).toBe(201)
    expect((await status.call('PUT', '/directory/users/eve', { webhook_id: webhook.id }, { key: stranger })).status).toBe(422)
    await status.call('DELETE', `/webhooks/${webhook.id}`)

    expect((await status.call('GET', '/directory/users/eve')).body).toMatchObject({ webhook_id: null })
  })
})

describe('a source', () => {
  it('fills the directory with a key that may ingest, and replaces its own people alone', async () => {
    await status.call('PUT', '/directory/users/by-hand', { display_name: 'Theirs' })
    const users = [{ name: 'kim' }, { name: 'lee', email: 'lee@example.com' }, { name: 'by-hand' }]

    const first = await fill('PUT', 'hr', { users, teams: [{ name: 'ops', members: ['kim'] }] })
    const other = await fill('PUT', 'crm', { users: [{ name: 'kim', display_name: 'Another' }, { name: 'max' }] })
    const added = await fill('POST', 'hr', { users: [{ name: 'nia', is_admin: true }] })
    const second = await fill('PUT', 'hr', { users: [{ name: 'kim', display_name: 'Kim' }] })

    expect(first).toMatchObject({ status: 200, body: { written: 3, removed: 0, kept: [{ kind: 'user', name: 'by-hand' }] } })
    expect(other.body).toEqual({ written: 1, removed: 0, kept: [{ kind: 'user', name: 'kim' }] })
    expect(added.body).toEqual({ written: 1, removed: 0, kept: [] })
    expect(second.body).toEqual({ written: 1, removed: 3, kept: [] })
    expect((await list('users?source=hr')).data).toMatchObject([{ name: 'kim', display_name: 'Kim', source: 'hr' }])
    expect((await list('users?source=crm')).data).toMatchObject([{ name: 'max' }])
    expect((await list('teams?source=hr')).data).toEqual([])
    expect((await status.call('GET', '/directory/users/by-hand')).body).toMatchObject({ display_name: 'Theirs', source: null })
  })

  it('leaves a person alone once somebody has written it here, and has it again when it was removed here', async () => {
    await fill('POST', 'hr', { users: [{ name: 'oda' }] })
    await status.call('PUT', '/directory/users/oda', { display_name: 'By hand' })

    expect((await fill('POST', 'hr', { users: [{ name: 'oda' }] })).body).toMatchObject({ written: 0, kept: [{ name: 'oda' }] })
    await status.call('DELETE', '/directory/users/oda')
    expect((await fill('POST', 'hr', { users: [{ name: 'oda' }] })).body).toMatchObject({ written: 1, kept: [] })
  })

  it('is listed page by page, by name', async () => {
    await fill('PUT', 'crm', { users: ['p3', 'p1', 'p2'].map((name) => ({ name })) })

    const first = await list('users?source=crm&limit=2')
    const second = await list(`users?source=crm&limit=2&after=${first.meta.next_cursor}`)

    expect([first, second].map(({ data }) => data.map(({ name }) => name))).toEqual([['p1', 'p2'], ['p3']])
    expect([first, second].map(({ meta }) => meta.has_more)).toEqual([true, false])
  })
})

describe('a bad request is refused, says which field is wrong, and writes nothing', () => {
  it.each<[what: string, method: string, path: string, body: unknown, code: number, field: string | undefined]>([
    ['a user with a line break', 'PUT', '/directory/users/a%0Ab', {}, 422, 'param.name'],
    ['a user without an address', 'PUT', '/directory/users/ada', { email: 'ada' }, 422, 'email'],
    ['a user of a webhook that there is not', 'PUT', '/directory/users/ada', { webhook_id: 'none' }, 422, 'webhook_id'],
    ['members of a user', 'PUT', '/directory/users/ada', { members: ['bob'] }, 422, 'members'],
    ['an admin that is a team', 'PUT', '/directory/teams/sales', { is_admin: true }, 422, 'is_admin'],
    ['a member without a name', 'PUT', '/directory/teams/sales', { members: ['ada', ''] }, 422, 'members[1]'],
    ['a user that there is not', 'GET', '/directory/users/nobody', undefined, 404, undefined],
    ['a team that there is not', 'DELETE', '/directory/teams/nobody', undefined, 404, undefined],
    ['a cursor of no directory', 'GET', '/directory/users?after=abc', undefined, 422, 'after'],
    ['a directory of a source that there is not', 'PUT', '/sources/none/directory', {}, 404, undefined],
    ['a user twice', 'PUT', '/sources/hr/directory', { users: [{ name: 'a' }, { name: 'a' }] }, 422, 'users[1].name'],
    [
      'a good team before one of a webhook that there is not',
      'PUT',
      '/sources/hr/directory',
      { teams: [{ name: 'a' }, { name: 'b', webhook_id: 'none' }] },
      422,
      'teams[1].webhook_id',
    ],
  ])('%s: %s %s', async (_, method, path, body, code, field) => {
    const before = [await list('users?limit=200'), await list('teams?limit=200')]

    const answer = await status.call<Problem>(method, path, body)

    expect(answer.status, answer.text).toBe(code)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body.errors?.map((error) => error.field)).toEqual(field && [field])
    expect([await list('users?limit=200'), await list('teams?limit=200')]).toEqual(before)
  })
})
