import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { AuditCheck, AuditEntry } from '../../shared/contracts/api/audit.ts'
import { hashApiKey } from '../../shared/id.ts'
import { openStorage } from '../../shared/storage/open.ts'
import { anId, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

type Entries = { data: AuditEntry[]; meta: { next_cursor: string | null; has_more: boolean } }
type Operation = { method: string; path: string; scope: string }
type Document = { paths: Record<string, Record<string, { security?: { apiKey?: string[] }[] }>> }

let status: StatusApp
let admin: string
beforeAll(async () => {
  status = await openStatusApp()
  admin = await status.makeKey(['admin'], 'audited')
})
afterAll(() => status.close())

const call = <T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  status.call<T>(method, path, body, { key: admin, headers })
const entries = async (query = '') => (await call<Entries>('GET', `/audit${query}`)).body
const check = async (key = admin) => (await status.call<z.infer<typeof AuditCheck>>('GET', '/audit/verify', undefined, { key })).body

/** Each change that the reference knows, called so that it succeeds; a new route has to be added here. */
const secret = 'a-secret-nobody-may-see'
const filter = { field: 'status', op: 'eq', value: 'cancelled' }
const url = 'https://hooks.slack.com/services/T0000/B0000/tokentokentoken1'
async function changes(): Promise<Record<string, [path: string, body?: unknown, headers?: Record<string, string>]>> {
  const make = async (path: string, body: unknown) => {
    const answer = await call<{ id: string }>('POST', path, body)
    if (answer.status !== 201) throw new Error(answer.text)
    return answer.body.id
  }
  const entity = (name: string) => ({
    name,
    webhookType: 'Generic',
    webhookConfig: { endpoint: 'https://example.com/om', secretKey: secret },
    eventFilters: [{ eventType: 'entityCreated', entities: ['*'] }],
  })
  const hook = await make('/webhooks', { url: 'https://example.com/a', secret, headers: { 'x-token': secret } })
  const [doomed, redelivered] = [await make('/webhooks', { url: 'https://example.com/b' }), await storeWebhook(status.storage, 'audited')]
  const subscription = await make(`/webhooks/${hook}/subscriptions`, { event_type: 'table.*' })
  const failed = await storeDelivery(status.storage, 'audited', redelivered, 'failed')
  await make('/sources', { name: 'audited-source', adapter: 'cloudevents', scheme: 'ptolemy', secret })
  const added = await call<{ secrets: { id: string }[] }>('POST', '/sources/audited-source/secrets', { secret: `${secret}-2` })
  await make('/sources', { name: 'doomed', adapter: 'cloudevents' })
  await call('PUT', '/event-types/a.type', {})
  const [key, doomedKey] = [await make('/keys', { label: 'k', scopes: ['read'] }), await make('/keys', { label: 'd', scopes: ['read'] })]
  const redelivery = (await call<{ id: string }>('POST', '/webhook-deliveries/redeliver', { filter })).body.id
  const since = '2026-01-01T00:00:00Z'
  const replay = (await call<{ id: string }>('POST', `/webhooks/${redelivered}/replay`, { since })).body.id
  const om = await make('/api/v1/webhooks', entity('om'))
  const doomedOm = await make('/api/v1/webhooks', entity('doomed'))
  await call('PUT', '/directory/users/alice', {})
  await call('PUT', '/directory/users/bob', {})
  await call('PUT', '/directory/teams/gone', {})
  const partial = await storeFailedPartial('audited', 'audited-source')
  const jsonPatch = { 'content-type': 'application/json-patch+json' }
  return {
    'POST /webhooks': ['/webhooks', { url, secret }],
    'PATCH /webhooks/{id}': [`/webhooks/${hook}`, { url, headers: { 'x-token': `${secret}-3` } }],
    'DELETE /webhooks/{id}': [`/webhooks/${doomed}`],
    'POST /webhooks/{id}/rotate-secret': [`/webhooks/${hook}/rotate-secret`],
    'POST /webhooks/{id}/test': [`/webhooks/${hook}/test`],
    'POST /webhooks/{id}/subscriptions': [`/webhooks/${hook}/subscriptions`, { event_type: '*' }],
    'DELETE /webhooks/{id}/subscriptions/{subscriptionId}': [`/webhooks/${hook}/subscriptions/${subscription}`],
    'PUT /webhooks/{id}/subscriptions': [`/webhooks/${hook}/subscriptions`, ['table.*']],
    'POST /webhook-deliveries/{id}/redeliver': [`/webhook-deliveries/${failed.id}/redeliver`],
    'POST /webhook-deliveries/redeliver': ['/webhook-deliveries/redeliver', { filter }],
    'DELETE /redeliveries/{id}': [`/redeliveries/${redelivery}`],
    'POST /webhooks/{id}/replay': [`/webhooks/${hook}/replay`, { since }],
    'DELETE /replays/{id}': [`/replays/${replay}`],
    'POST /sources': ['/sources', { name: 'new-source', adapter: 'cloudevents', scheme: 'ptolemy', secret }],
    'PATCH /sources/{name}': ['/sources/audited-source', {}],
    'DELETE /sources/{name}': ['/sources/doomed'],
    'POST /sources/{name}/secrets': ['/sources/audited-source/secrets', { secret: `${secret}-4` }],
    'DELETE /sources/{name}/secrets/{secretId}': [`/sources/audited-source/secrets/${added.body.secrets[0]?.id}`],
    'POST /sources/{name}/partials/{id}/retry': [`/sources/audited-source/partials/${partial}/retry`],
    'PUT /event-types/{name}': ['/event-types/a.type', { description: 'changed' }],
    'DELETE /event-types/{name}': ['/event-types/a.type'],
    'POST /keys': ['/keys', { label: 'new', scopes: ['read'] }],
    'PATCH /keys/{id}': [`/keys/${key}`, { label: 'changed' }],
    'POST /keys/{id}/rotate': [`/keys/${key}/rotate`],
    'DELETE /keys/{id}': [`/keys/${doomedKey}`],
    'POST /session': ['/session', { key: admin }],
    'POST /session/links': ['/session/links'],
    'DELETE /session': ['/session'],
    'POST /api/v1/webhooks': ['/api/v1/webhooks', entity('new')],
    'PATCH /api/v1/webhooks/{id}': [`/api/v1/webhooks/${om}`, [{ op: 'add', path: '/description', value: 'x' }], jsonPatch],
    'DELETE /api/v1/webhooks/{id}': [`/api/v1/webhooks/${doomedOm}`],
    'POST /api/v1/webhooks/{id}/test': [`/api/v1/webhooks/${om}/test`],
    'PUT /directory/users/{name}': ['/directory/users/alice', {}],
    'DELETE /directory/users/{name}': ['/directory/users/bob'],
    'PUT /directory/teams/{name}': ['/directory/teams/sales', {}],
    'DELETE /directory/teams/{name}': ['/directory/teams/gone'],
  }
}

async function storeFailedPartial(organizationId: string, source: string): Promise<string> {
  const id = anId()
  const draft = { type: 'company.creation', entity: { type: 'company', id: '7' } }
  const raw = Buffer.from('{"objectId":7}')
  const about = { id, organizationId, source, dedupKey: null, bodyHash: 'same', headers: {}, receivedAt: someTime }
  await status.storage.partials.receive([{ ...about, draft, raw }], 'id')
  await status.storage.partials.end(id, someTime, { state: 'failed', attempts: 3, statusCode: 500, reason: 'answered 500' }, someTime)
  return id
}

async function changingOperations(): Promise<Operation[]> {
  const { body } = await status.call<Document>('GET', '/openapi.json')
  return Object.entries(body.paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({
        method: method.toUpperCase(),
        path,
        scope: security?.[0]?.apiKey?.[0] ?? 'none',
      })),
    )
    .filter(({ method, scope, path }) => method !== 'GET' && scope !== 'ingest' && (scope !== 'read' || path.startsWith('/session')))
}

describe('every change', () => {
  it('leaves one row that says who did what to which record, and no secret', async () => {
    const all = await changes()
    expect((await changingOperations()).map(({ method, path }) => `${method} ${path}`).sort()).toEqual(Object.keys(all).sort())

    for (const [action, [path, body, headers]] of Object.entries(all)) {
      const [last] = (await entries('?limit=1')).data
      const answer = await call(action.split(' ')[0] as string, path, body, headers)
      expect(answer.status, `${action}: ${answer.text}`).toBeLessThan(300)

      const fresh = (await entries('?limit=3')).data.filter(({ seq }) => seq > (last?.seq ?? 0))
      expect(fresh, action).toMatchObject([{ action, actor_label: 'admin', request_id: answer.headers.get('x-request-id') }])
      const id = path.replace('/api/v1', '').split('/')[action.includes('/directory/') ? 3 : 2]
      if (action.includes('{')) expect(fresh[0]?.target_id, action).toBe(id)
    }

    const text = JSON.stringify((await entries('?limit=200')).data)
    expect(text.match(new RegExp(`.{30}(${secret}|tokentokentoken|tdk_|tds_|tdl_|whsec_)`, 'g'))).toBeNull()
  })

  it('shows the record before and after', async () => {
    const id = (await call<{ id: string }>('POST', '/webhooks', { url: 'https://example.com/', label: 'one' })).body.id
    await call('PATCH', `/webhooks/${id}`, { label: 'two' })
    await call('DELETE', `/webhooks/${id}`)

    const { data } = await entries(`?target_type=webhooks&target_id=${id}`)

    expect(data).toMatchObject([
      { action: 'DELETE /webhooks/{id}', before: { label: 'two' }, after: null },
      { action: 'PATCH /webhooks/{id}', before: { label: 'one' }, after: { label: 'two' } },
      { action: 'POST /webhooks', before: null, after: { id, label: 'one' } },
    ])
  })

  it('that is refused leaves none, nor does a search', async () => {
    const before = await entries('?limit=1')
    await call('POST', '/webhooks', {})
    await call('DELETE', '/webhooks/none')
    await call('POST', '/webhooks/filter', {})
    await call('POST', '/webhook-deliveries/count', {})
    expect(await entries('?limit=1')).toEqual(before)
  })
})

describe('the audit log', () => {
  it('is listed page by page and by what was asked for, to its organization alone', async () => {
    const first = await entries('?limit=2')
    const second = await entries(`?limit=2&after=${first.meta.next_cursor}`)
    const seqs = [...first.data, ...second.data].map(({ seq }) => seq)

    expect(seqs).toEqual([...seqs].sort((a, b) => b - a))
    expect(new Set(seqs).size).toBe(4)
    expect((await entries(`?action=${encodeURIComponent('POST /keys')}`)).data.every(({ action }) => action === 'POST /keys')).toBe(true)
    expect((await entries("?actor=' OR 1=1 --")).data).toEqual([])
    expect((await call('GET', '/audit?after=x')).status).toBe(422)
    const stranger = await status.makeKey(['admin'], 'stranger')
    expect((await status.call<Entries>('GET', '/audit', undefined, { key: stranger })).body.data).toEqual([])
    expect((await status.call('GET', '/audit', undefined, { key: await status.makeKey(['write'], 'audited') })).status).toBe(403)
  })

  it('shows by its hashes that it is whole', async () => {
    const { data } = await entries('?limit=1')

    expect(await check()).toMatchObject({ valid: true, broken_at: null, head: data[0]?.hash })
    expect(await check(await status.makeKey(['admin'], 'nobody'))).toEqual({ valid: true, entries: 0, broken_at: null, head: null })
  })

  it('cannot be changed, and where somebody has done so all the same, it is found', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-audit-'))
    const file = join(folder, 'tidings.db')
    const row = (n: number) => ({
      organizationId: n % 2 ? 'org' : 'other',
      at: n,
      actor: hashApiKey(String(n)),
      actorLabel: null,
      action: 'POST /webhooks',
      targetType: 'webhooks',
      targetId: String(n),
      before: null,
      after: { n },
      requestId: null,
    })
    const storage = await openStorage(`sqlite:${file}`)
    for (let n = 0; n < 20; n++) await storage.audit.append(row(n))
    const start = { seq: 0, hash: '', rows: 0 }
    const whole = await storage.audit.verify('org', start, 100)
    expect(whole).toMatchObject({ rows: 10, brokenAt: null, done: true })
    const part = await storage.audit.verify('org', start, 4)
    expect(part).toMatchObject({ rows: 4, done: false })
    expect(await storage.audit.verify('org', part, 100)).toEqual(whole)

    const db = new Database(file)
    const [changed, removed] = ['UPDATE audit SET after = \'{"n":99}\' WHERE seq = 10', 'DELETE FROM audit WHERE seq = 13']
    for (const statement of [changed, removed] as string[]) expect(() => db.exec(statement)).toThrow(/only ever added to/)
    db.exec('DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete')
    db.exec(changed as string)
    expect(await storage.audit.verify('org', start, 100)).toMatchObject({ rows: 4, brokenAt: 10 })
    db.exec('UPDATE audit SET after = \'{"n":9}\' WHERE seq = 10')
    db.exec(removed as string)
    expect(await storage.audit.verify('other', start, 100)).toMatchObject({ rows: 6, brokenAt: 15 })
    expect(await storage.audit.verify('org', start, 100)).toEqual(whole)
    db.close()
    await storage.close()
    await rm(folder, { recursive: true })
  })
})
