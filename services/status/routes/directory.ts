import { createRoute } from '@hono/zod-openapi'
import {
  DirectoryFilled,
  DirectoryInput,
  DirectoryQuery,
  Team,
  TeamInput,
  TeamParam,
  User,
  UserInput,
  UserParam,
} from '../../../shared/contracts/api/directory.ts'
import { listOf } from '../../../shared/contracts/api/list.ts'
import { SourceParam } from '../../../shared/contracts/api/source.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { fillDirectory, findEntry, putEntry, removeEntry, teamOf, userOf } from '../directory.ts'
import { pageOf } from '../shape.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const tags = ['Directory']
const user = '/directory/users/{name}'
const team = '/directory/teams/{name}'
const filling = '/sources/{name}/directory'

const read = { method: 'get', tags, ...needs('read') } as const
const put = { method: 'put', tags, ...needs('write') } as const
const remove = {
  method: 'delete',
  tags,
  ...needs('write'),
  description: 'A source that knows them brings them back when it fills the directory again.',
} as const
const gone = { 204: { description: 'Removed.' }, ...refusals(404, 422) }
const listed = { query: DirectoryQuery }

const users = createRoute({
  ...read,
  path: '/directory/users',
  summary: 'List users',
  request: listed,
  responses: { 200: json(listOf(User), 'A page of users, by name.'), ...refusals(422) },
})
const teams = createRoute({
  ...read,
  path: '/directory/teams',
  summary: 'List teams',
  request: listed,
  responses: { 200: json(listOf(Team), 'A page of teams, by name.'), ...refusals(422) },
})
const getUser = createRoute({
  ...read,
  path: user,
  summary: 'Look at a user',
  request: { params: UserParam },
  responses: { 200: json(User, 'The user.'), ...refusals(404, 422) },
})
const getTeam = createRoute({
  ...read,
  path: team,
  summary: 'Look at a team',
  request: { params: TeamParam },
  responses: { 200: json(Team, 'The team.'), ...refusals(404, 422) },
})
const putUser = createRoute({
  ...put,
  path: user,
  summary: 'Write a user',
  description: 'Whole: what is left out has its default. No source changes it from then on.',
  request: { params: UserParam, ...body(UserInput) },
  responses: { 200: json(User, 'Replaced.'), 201: json(User, 'Written.'), ...refusals(...badBody) },
})
const putTeam = createRoute({
  ...put,
  path: team,
  summary: 'Write a team',
  description: 'Whole: what is left out has its default. No source changes it from then on.',
  request: { params: TeamParam, ...body(TeamInput) },
  responses: { 200: json(Team, 'Replaced.'), 201: json(Team, 'Written.'), ...refusals(...badBody) },
})
const removeUser = createRoute({ ...remove, path: user, summary: 'Remove a user', request: { params: UserParam }, responses: gone })
const removeTeam = createRoute({ ...remove, path: team, summary: 'Remove a team', request: { params: TeamParam }, responses: gone })

const filled = { 200: json(DirectoryFilled, 'What was written, removed and left.'), ...refusals(404, ...badBody) }
const fill = {
  tags,
  ...needs('ingest'),
  path: filling,
  request: { params: SourceParam, ...body(DirectoryInput) },
  responses: filled,
} as const
const replaceAll = createRoute({
  ...fill,
  method: 'put',
  summary: 'Fill the directory from a source',
  description:
    'All users and teams that the source knows: those that it filled in before and does not name now are removed. What somebody wrote here, or another source filled in, stays as it is. All or nothing.',
})
const add = createRoute({
  ...fill,
  method: 'post',
  summary: 'Add to the directory from a source',
  description: 'Like PUT, and nothing is removed: for what changed, or for a directory that is larger than one request.',
})

export function addDirectoryRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  const { directory } = deps.storage

  app.openapi(guard(users), async (c) =>
    c.json(pageOf(await directory.list(c.get('key').organizationId, 'user', c.req.valid('query')), userOf), 200),
  )
  app.openapi(guard(teams), async (c) =>
    c.json(pageOf(await directory.list(c.get('key').organizationId, 'team', c.req.valid('query')), teamOf), 200),
  )
  app.openapi(guard(getUser), async (c) =>
    c.json(userOf(await findEntry(c.get('key').organizationId, 'user', c.req.valid('param').name, deps)), 200),
  )
  app.openapi(guard(getTeam), async (c) =>
    c.json(teamOf(await findEntry(c.get('key').organizationId, 'team', c.req.valid('param').name, deps)), 200),
  )
  app.openapi(guard(putUser), async (c) => {
    const { entry, isNew } = await putEntry(c.get('key').organizationId, 'user', c.req.valid('param').name, c.req.valid('json'), deps)
    return c.json(userOf(entry), isNew ? 201 : 200)
  })
  app.openapi(guard(putTeam), async (c) => {
    const { entry, isNew } = await putEntry(c.get('key').organizationId, 'team', c.req.valid('param').name, c.req.valid('json'), deps)
    return c.json(teamOf(entry), isNew ? 201 : 200)
  })
  app.openapi(guard(removeUser), async (c) => {
    await removeEntry(c.get('key').organizationId, 'user', c.req.valid('param').name, deps)
    return c.body(null, 204)
  })
  app.openapi(guard(removeTeam), async (c) => {
    await removeEntry(c.get('key').organizationId, 'team', c.req.valid('param').name, deps)
    return c.body(null, 204)
  })
  app.openapi(guard(replaceAll), async (c) =>
    c.json(await fillDirectory(c.get('key').organizationId, c.req.valid('param').name, c.req.valid('json'), true, deps), 200),
  )
  app.openapi(guard(add), async (c) =>
    c.json(await fillDirectory(c.get('key').organizationId, c.req.valid('param').name, c.req.valid('json'), false, deps), 200),
  )
}
