import { createRoute } from '@hono/zod-openapi'
import { listOf } from '../../../shared/contracts/api/list.ts'
import {
  SecretInput,
  Source,
  SourceInput,
  SourceParam,
  SourcePatch,
  SourceRefusal,
  SourceSecretParams,
  SourceWithSecret,
} from '../../../shared/contracts/api/source.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { iso, onePage } from '../shape.ts'
import { addSecret, createSource, findSource, patchSource, removeSecret, sourceOf } from '../sources.ts'
import { badBody, body, json, jsonType, mergePatchType, needs, refusals, type Guard } from './route.ts'

const tags = ['Sources']
const path = '/sources/{name}'

const create = createRoute({
  method: 'post',
  path: '/sources',
  tags,
  ...needs('write'),
  summary: 'Register a source',
  description: 'From then on it may post to `/sources/{name}/events` in its own words.',
  request: body(SourceInput),
  responses: { 201: json(SourceWithSecret, 'Registered.'), ...refusals(409, ...badBody) },
})
const list = createRoute({
  method: 'get',
  path: '/sources',
  tags,
  ...needs('read'),
  summary: 'List sources',
  responses: { 200: json(listOf(Source), 'All sources, by name.'), ...refusals() },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  ...needs('read'),
  summary: 'Look at a source',
  request: { params: SourceParam },
  responses: { 200: json(Source, 'The source.'), ...refusals(404) },
})
const patch = createRoute({
  method: 'patch',
  path,
  tags,
  ...needs('write'),
  summary: 'Change a source',
  request: {
    params: SourceParam,
    body: { required: true, content: { [jsonType]: { schema: SourcePatch }, [mergePatchType]: { schema: SourcePatch } } },
  },
  responses: { 200: json(SourceWithSecret, 'The source as it is now.'), ...refusals(404, ...badBody) },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  ...needs('write'),
  summary: 'Remove a source',
  description: 'Its events stay in the log.',
  request: { params: SourceParam },
  responses: { 204: { description: 'Removed.' }, ...refusals(404) },
})
const createSecret = createRoute({
  method: 'post',
  path: '/sources/{name}/secrets',
  tags,
  ...needs('write'),
  summary: 'Add a secret',
  description: 'Requests signed with it verify from now on, beside those signed with the others.',
  request: { params: SourceParam, body: { required: false, content: { [jsonType]: { schema: SecretInput } } } },
  responses: { 201: json(SourceWithSecret, 'Added.'), ...refusals(404, 409, ...badBody) },
})
const deleteSecret = createRoute({
  method: 'delete',
  path: '/sources/{name}/secrets/{secretId}',
  tags,
  ...needs('write'),
  summary: 'Remove a secret',
  request: { params: SourceSecretParams },
  responses: { 204: { description: 'Removed.' }, ...refusals(404, 409) },
})

const refused = createRoute({
  method: 'get',
  path: '/sources/{name}/refusals',
  tags,
  ...needs('read'),
  summary: 'Look at the requests of a source that were refused',
  description:
    'The last 100, newest first, with the reason: a signature that does not verify, a body that cannot be read or is too large. Seen within two seconds.',
  request: { params: SourceParam },
  responses: { 200: json(listOf(SourceRefusal), 'The last refusals.'), ...refusals(404) },
})

export function addSourceRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(create), async (c) => {
    const { source, secret } = await createSource(c.get('key').organizationId, c.req.valid('json'), deps)
    return c.json({ ...sourceOf(source, deps), secret }, 201)
  })
  app.openapi(guard(list), async (c) =>
    c.json(onePage((await deps.storage.sources.list(c.get('key').organizationId)).map((source) => sourceOf(source, deps))), 200),
  )
  app.openapi(guard(get), async (c) =>
    c.json(sourceOf(await findSource(c.get('key').organizationId, c.req.valid('param').name, deps), deps), 200),
  )
  app.openapi(guard(patch), async (c) => {
    const { source, secret } = await patchSource(c.get('key').organizationId, c.req.valid('param').name, c.req.valid('json'), deps)
    return c.json({ ...sourceOf(source, deps), secret }, 200)
  })
  app.openapi(guard(remove), async (c) => {
    const { name } = c.req.valid('param')
    if (!(await deps.storage.sources.remove(c.get('key').organizationId, name))) throw notFound('source', name)
    return c.body(null, 204)
  })
  app.openapi(guard(refused), async (c) => {
    const { organizationId } = c.get('key')
    const { name } = await findSource(organizationId, c.req.valid('param').name, deps)
    const rows = await deps.storage.refusals.list(organizationId, name, 100)
    return c.json(onePage(rows.map(({ id, at, status, reason, bytes }) => ({ id, at: iso(at), status, reason, bytes }))), 200)
  })
  app.openapi(guard(createSecret), async (c) => {
    const { source, secret } = await addSecret(c.get('key').organizationId, c.req.valid('param').name, c.req.valid('json'), deps)
    return c.json({ ...sourceOf(source, deps), secret }, 201)
  })
  app.openapi(guard(deleteSecret), async (c) => {
    const { name, secretId } = c.req.valid('param')
    await removeSecret(c.get('key').organizationId, name, secretId, deps)
    return c.body(null, 204)
  })
}
