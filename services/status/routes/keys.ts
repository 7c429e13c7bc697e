import { createRoute } from '@hono/zod-openapi'
import { Key, KeyInput, KeyPatch, KeyRotation, KeyWithText } from '../../../shared/contracts/api/key.ts'
import { IdParam, listOf } from '../../../shared/contracts/api/list.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { createKey, findKey, patchKey, removeKey, rotateKey } from '../keys.ts'
import { keyOf, onePage } from '../shape.ts'
import { badBody, body, json, jsonType, mergePatchType, needs, refusals, type Guard } from './route.ts'

const tags = ['Keys']

const create = createRoute({
  method: 'post',
  path: '/keys',
  tags,
  ...needs('admin'),
  summary: 'Make an API key',
  description:
    'It belongs to the organization of the key that asks. The answer is the only place where it is shown; only its hash is stored.',
  request: body(KeyInput),
  responses: { 201: json(KeyWithText, 'Made.'), ...refusals(...badBody) },
})
const list = createRoute({
  method: 'get',
  path: '/keys',
  tags,
  ...needs('admin'),
  summary: 'List API keys',
  responses: { 200: json(listOf(Key), 'All keys of the organization.'), ...refusals() },
})
const get = createRoute({
  method: 'get',
  path: '/keys/{id}',
  tags,
  ...needs('admin'),
  summary: 'Look at an API key',
  request: { params: IdParam },
  responses: { 200: json(Key, 'The key, without its text.'), ...refusals(404) },
})
const remove = createRoute({
  method: 'delete',
  path: '/keys/{id}',
  tags,
  ...needs('admin'),
  summary: 'Remove an API key',
  description: 'It stops working within two seconds. The last one with the scope `admin` stays.',
  request: { params: IdParam },
  responses: { 204: { description: 'Removed.' }, ...refusals(404, 409) },
})

const patch = createRoute({
  method: 'patch',
  path: '/keys/{id}',
  tags,
  ...needs('admin'),
  summary: 'Change an API key',
  description:
    'JSON Merge Patch (RFC 7396). In force within two seconds. The last key with the scope `admin` keeps it, and does not expire.',
  request: {
    params: IdParam,
    body: { required: true, content: { [jsonType]: { schema: KeyPatch }, [mergePatchType]: { schema: KeyPatch } } },
  },
  responses: { 200: json(Key, 'The key as it is now.'), ...refusals(404, 409, ...badBody) },
})
const rotate = createRoute({
  method: 'post',
  path: '/keys/{id}/rotate',
  tags,
  ...needs('admin'),
  summary: 'Give an API key a new text',
  description:
    'It keeps its id, label and scopes. The new text is shown in this answer alone; the old one is taken until the overlap has passed. Rotated again meanwhile, only the last two are taken.',
  request: { params: IdParam, body: { required: false, content: { [jsonType]: { schema: KeyRotation } } } },
  responses: { 200: json(KeyWithText, 'The key and its new text.'), ...refusals(404, ...badBody) },
})

export function addKeyRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(create), async (c) => {
    const { key, text } = await createKey(c.get('key').organizationId, c.req.valid('json'), deps)
    return c.json({ ...keyOf(key), key: text }, 201)
  })
  app.openapi(guard(list), async (c) => c.json(onePage((await deps.storage.keys.list(c.get('key').organizationId)).map(keyOf)), 200))
  app.openapi(guard(get), async (c) => c.json(keyOf(await findKey(c.get('key').organizationId, c.req.valid('param').id, deps)), 200))
  app.openapi(guard(patch), async (c) =>
    c.json(keyOf(await patchKey(c.get('key').organizationId, c.req.valid('param').id, c.req.valid('json'), deps)), 200),
  )
  app.openapi(guard(rotate), async (c) => {
    const { overlap_seconds } = KeyRotation.parse(c.req.valid('json'))
    const { key, text } = await rotateKey(c.get('key').organizationId, c.req.valid('param').id, overlap_seconds, deps)
    return c.json({ ...keyOf(key), key: text }, 200)
  })
  app.openapi(guard(remove), async (c) => {
    await removeKey(c.get('key').organizationId, c.req.valid('param').id, deps)
    return c.body(null, 204)
  })
}
