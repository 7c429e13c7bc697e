import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { samples as openMetadataSamples } from '../../services/ingest/openmetadata-samples.ts'
import { dataOf, fieldsOf, limits, loadSources, poster, problemOf } from '../support/samples.ts'

const sources = await loadSources()
const post = poster(sources)
const first = (...request: Parameters<typeof post>) => post(...request)[0]
const answerTo = (name: string, body: unknown, headers: Record<string, string> = {}) =>
  sources.get(name).handshake?.({ headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) })

describe('what a sender reads', () => {
  const signature = { code: 'bad_signature', reason: 'why', kind: 'signature' } as const
  const timestamp = { ...signature, kind: 'timestamp' } as const

  it.each([
    ['foundry', { received: true }],
    ['ptolemy', { ok: true }],
    ['opteryx', { status: 'ok' }],
    ['sesam', {}],
  ])('%s: %j', (name, body) => {
    expect(sources.get(name).answer?.accepted).toEqual({ status: 200, body })
  })

  it('of a refusal, where the system has words for it', () => {
    const refusal = (name: string, of: typeof signature | typeof timestamp) => sources.get(name).answer?.refused?.(of)
    expect(refusal('foundry', signature)).toEqual({ status: 401, body: { error: 'Invalid signature' } })
    expect(refusal('foundry', timestamp)).toEqual({ status: 401, body: { error: 'Timestamp too old' } })
    expect(refusal('ptolemy', timestamp)).toEqual({ status: 401, body: { detail: 'Invalid signature' } })
    expect(refusal('sesam', { ...signature, reason: 'FAIL!' } as never)).toEqual({ status: 401, body: 'FAIL!' })
    for (const name of ['foundry', 'ptolemy', 'sesam'])
      expect(sources.get(name).answer?.refused?.({ code: 'invalid', reason: 'id: is missing' })).toBeUndefined()
  })

  it('when it only asks whether we are there', () => {
    expect(answerTo('slack', { type: 'url_verification', challenge: '3eZbrw1aB' })).toEqual({ status: 200, body: '3eZbrw1aB' })
    for (const body of [
      { type: 'url_verification' },
      { type: 'url_verification', challenge: 1 },
      { type: 'event_callback', challenge: 'x' },
      '{',
      '[]',
    ])
      expect(answerTo('slack', body)).toBeUndefined()
    expect(answerTo('github', { zen: 'Keep it logically awesome.' }, { 'x-github-event': 'ping' })).toMatchObject({ status: 200 })
    expect(answerTo('github', { zen: 'x' }, { 'x-github-event': 'push' })).toBeUndefined()
  })
})

describe('what tells a repeat', () => {
  const opteryx = (more = {}, data: unknown = {}) => ({
    event: { action: 'create', workspace: 'w', collection: 'c', resource_type: 'dataset', resource_name: 'r', timestamp: 1, ...more },
    data,
  })
  const hubspot = (more = {}) => [
    { portalId: 1, subscriptionId: 2, eventId: 3, occurredAt: 4, subscriptionType: 'company.creation', ...more },
  ]
  const event = { id: 'e1', type: 't.u', eventType: 'entityCreated', entityType: 'table', event_type: 'a.b', object_kind: 'push' }

  it.each([
    ['foundry', event, {}, 'e1'],
    ['ptolemy', event, { 'ptolemy-signature': 't=1,v1=a' }, 'e1'],
    ['ptolemy', { event_type: 'a.b' }, { 'ptolemy-signature': 't=1,v1=a' }, 't=1,v1=a'],
    ['openmetadata', event, {}, 'e1'],
    ['openmetadata', { ...event, eventId: 'seed' }, {}, 'seed'],
    ['stripe', event, {}, 'e1'],
    ['slack', { type: 'event_callback', event_id: 'Ev1', event: { type: 'message' } }, {}, 'Ev1'],
    ['github', {}, { 'x-github-event': 'push', 'x-github-delivery': 'd1' }, 'd1'],
    ['gitlab', event, { 'idempotency-key': 'i', 'webhook-id': 'i', 'x-gitlab-event-uuid': 'u' }, 'i'],
    ['gitlab', event, { 'webhook-id': 'w', 'x-gitlab-event-uuid': 'u' }, 'w'],
    ['gitlab', event, { 'x-gitlab-event-uuid': 'u' }, 'u'],
    ['shopify', {}, { 'x-shopify-topic': 'orders/paid', 'x-shopify-webhook-id': 'w', 'x-shopify-event-id': 'e' }, 'w'],
    ['shopify', {}, { 'x-shopify-topic': 'orders/paid', 'x-shopify-event-id': 'e' }, 'orders/paid e'],
    ['hubspot', hubspot({ attemptNumber: 0 }), {}, '1-2-3-4'],
    ['hubspot', hubspot({ attemptNumber: 9 }), {}, '1-2-3-4'],
    ['hubspot', hubspot({ eventId: undefined }), {}, undefined],
  ])('%s %j %j: %s', (name, body, headers, id) => {
    expect(first(name, body, headers)?.sourceEventId).toBe(id)
    // what repeats with other bytes, or could do nothing about a 409, is told by its id alone
    expect(sources.get(name).identity).toBe('id')
  })

  it('for Opteryx is derived from what happened and the bytes', () => {
    const text = JSON.stringify(opteryx())
    const hash = (value: string) => createHash('sha256').update(value).digest('hex')
    const expected = hash(JSON.stringify(['w', 'c', 'dataset', 'r', 'create', '1', hash(text)]))
    expect(first('opteryx', text)?.sourceEventId).toBe(expected)
    const ids = [opteryx(), opteryx({ timestamp: 2 }), opteryx({ resource_name: 'rr' }), opteryx({}, { a: 1 })].map(
      (body) => first('opteryx', body)?.sourceEventId,
    )
    expect(new Set(ids).size).toBe(4)
  })

  it('for Sesam is the id with the content', () => {
    const id = (entity: object) => first('sesam', { _id: '1', ...entity })?.sourceEventId
    expect(id({ a: 1 })).toBe(id({ _ts: 5, _updated: 7, a: 1 }))
    expect(new Set([id({ a: 1 }), id({ a: 2 }), id({ _deleted: true })]).size).toBe(3)
    expect(id({ a: 1 })).toMatch(/^1 [0-9a-f]{64}$/)
  })
})

describe('openmetadata', () => {
  const [seed, real, pair, batch] = openMetadataSamples.map(({ body }) => post('openmetadata', body))

  it('reads the documented form', () => {
    expect(seed?.[0]).toMatchObject({
      type: 'table.updated',
      time: '2024-01-15T12:00:00.000Z',
      entity: {
        type: 'table',
        id: '456e7890-e89b-12d3-a456-426614174111',
        name: 'snowflake_prod.sales.public.customers',
        owners: ['john.doe'],
        tags: ['PII.Sensitive'],
      },
      change: { updated: [{ name: 'tags', old_value: [], new_value: [{ tagFQN: 'PII.Sensitive' }] }] },
    })
  })

  it('reads what the product sends: the entity and values as JSON in strings, owners and domains as lists', () => {
    expect(real?.[0]).toMatchObject({
      type: 'table.updated',
      actor: 'admin',
      entity: { type: 'table', domain: 'Sales.EMEA', owners: ['DataEngineering'], tags: ['PII.Sensitive', 'Tier.Tier1'] },
      change: {
        added: [{ name: 'owners', new_value: [{ name: 'DataEngineering' }] }],
        updated: [{ name: 'columns.zip.description', old_value: '', new_value: 'Postal code' }],
      },
    })
    expect(real?.[0]?.change).not.toHaveProperty('deleted')
  })

  it('keeps each element of an array or a batch as it came', () => {
    for (const [drafts, sample] of [
      [pair, openMetadataSamples[2]],
      [batch, openMetadataSamples[3]],
    ] as const) {
      expect(drafts).toHaveLength(2)
      for (const draft of drafts ?? []) {
        expect(dataOf(draft)).toBe(Buffer.from(draft.raw).toString())
        expect(sample?.body).toContain(dataOf(draft))
      }
    }
    expect(batch?.map(({ sourceEventId }) => sourceEventId)).toEqual(['78bc6a38-2761-563e-be76-b5ee1f1ec7b2', 't1'])
    expect(post('openmetadata', { data: [], paging: { total: 0 } })).toEqual([])
    expect(fieldsOf(() => post('openmetadata', { data: [{ id: 'a', eventType: 'entityCreated' }, 1] }))).toEqual([
      'data[0].entityType',
      'data[1]',
    ])
  })

  it.each([
    ['entityCreated', 'table', 'table.created'],
    ['entityUpdated', 'testCase', 'testCase.updated'],
    ['entitySoftDeleted', 'pipeline', 'pipeline.softDeleted'],
    ['entityDeleted', 'dashboard', 'dashboard.deleted'],
    ['entityRestored', 'table', 'table.restored'],
    ['entityFieldsChanged', 'table', 'table.fieldsChanged'],
    ['entityNoChange', 'table', 'table.noChange'],
    ['entityLineageAdded', 'table', 'table.lineageAdded'],
    ['threadCreated', 'THREAD', 'thread.created'],
    ['postUpdated', 'THREAD', 'post.updated'],
    ['taskResolved', 'THREAD', 'task.resolved'],
    ['logicalTestCaseAdded', 'testSuite', 'logicalTestCase.added'],
    ['suggestionAccepted', 'table', 'suggestion.accepted'],
    ['userLogin', 'user', 'user.login'],
    ['userLogout', undefined, 'user.logout'],
    ['somethingelse', 'table', 'somethingelse'],
  ])('%s of %s is %s', (eventType, entityType, type) => {
    expect(first('openmetadata', { id: 'x', eventType, entityType })).toMatchObject({ type })
  })

  it('is content with an entity that cannot be read, and with lists that are missing', () => {
    for (const entity of [undefined, null, '', 'not JSON', '{"a":', '[1]', `${'['.repeat(5000)}${']'.repeat(5000)}`, 5]) {
      const draft = first('openmetadata', {
        id: 'x',
        eventType: 'entityUpdated',
        entityType: 'table',
        entity,
        changeDescription: { fieldsUpdated: [{}, { name: '' }, 1] },
      })
      expect(draft).toMatchObject({ type: 'table.updated', entity: { type: 'table' } })
      expect(draft).not.toHaveProperty('change')
    }
  })
})

describe('words of the others', () => {
  it('foundry: any type is taken, ids of 64 bits are kept', () => {
    expect(first('foundry', { id: 'a', type: 'Something / else:new', data: 5 })).toMatchObject({ type: 'Something_._else.new' })
    expect(
      first('foundry', '{"id":"a","type":"ontology.object.deleted","data":{"objectType":"E","primaryKey":9007199254740993}}'),
    ).toMatchObject({
      entity: { type: 'E', id: '9007199254740993', name: 'E/9007199254740993' },
    })
    for (const body of [{ type: 'a.b' }, { id: 1, type: 'a.b' }, { id: '', type: 'a.b' }])
      expect(fieldsOf(() => post('foundry', body))).toEqual(['id'])
  })

  it('opteryx: subject tells the three names apart, the entity is named by all', () => {
    const event = {
      action: 'commit',
      workspace: 'a.b',
      collection: 'c/d',
      resource_type: 'dataset',
      resource_name: 'e',
      timestamp: 1_704_556_800_000,
    }
    expect(first('opteryx', { event, data: {} })).toMatchObject({
      type: 'dataset.commit',
      time: '2024-01-06T16:00:00.000Z',
      subject: 'a.b/c%2Fd/e',
      entity: { type: 'dataset', name: 'a.b.c/d.e' },
    })
    expect(fieldsOf(() => post('opteryx', { event: {} }))).toEqual(['event.action'])
  })

  it('sesam: an _id is demanded, unless the source says where it stands', () => {
    expect(post('sesam', [{ _id: '1' }, { _id: '2', _deleted: true }], {}, { datatype: 'company' }).map(({ type }) => type)).toEqual([
      'company.updated',
      'company.deleted',
    ])
    for (const _id of [undefined, '', 5, null]) expect(fieldsOf(() => post('sesam', [{ _id }]))).toEqual(['[0]._id'])
    expect(first('sesam', '{"objectId":9007199254740993}', {}, { id_from: ['objectId'] })?.entity?.id).toBe('9007199254740993')
    expect(post('sesam', [])).toEqual([])
  })

  it('sesam: what is outside the subset is taken and forgotten, whatever is wrong with it', () => {
    const subset = ['eq', ['matches', 'company.*', ['list', '_S.type']], true]
    const entities = [{ type: 'contact.creation' }, { _id: '1', type: 'company.creation' }, { _id: '2', type: null }]
    expect(post('sesam', entities, {}, { subset }).map(({ entity }) => entity?.id)).toEqual(['1'])
    for (const settings of [{ subset: ['eval', 'x'] }, { validation_expression: '{{ exec() }}' }, { datatype: 'a b' }, { data_type: 'a' }])
      expect(sources.get('sesam').settings?.safeParse(settings).success).toBe(false)
  })

  it.each([
    ['shopify', { id: 1 }, { 'shopify-topic': 'products/update', 'x-shopify-topic': 'a/b' }, 'products.update'],
    ['github', { action: 'opened' }, { 'x-github-event': 'issues' }, 'issues.opened'],
    ['gitlab', { object_kind: 'merge_request', object_attributes: { action: 'open' } }, {}, 'merge_request.open'],
    ['slack', { type: 'event_callback', event: { type: 'message', subtype: 'bot_message' } }, {}, 'message.bot_message'],
    ['hubspot', [{ eventType: 'contact.creation' }], {}, 'contact.creation'],
    ['stripe', { id: 'e', type: 'invoice.payment_succeeded' }, {}, 'invoice.payment_succeeded'],
  ])('%s: %j is %s', (name, body, headers, type) => {
    expect(first(name, body, headers)).toMatchObject({ type })
  })

  it('stripe: what changed has its old and its new value', () => {
    const data = { object: { id: 'c', object: 'customer', email: 'b' }, previous_attributes: { email: 'a' } }
    expect(first('stripe', { id: 'e', type: 'customer.updated', data })).toMatchObject({
      change: { updated: [{ name: 'email', old_value: 'a', new_value: 'b' }] },
      entity: { type: 'customer', id: 'c' },
    })
  })

  it('a sender without Content-Type is understood, one of forms is told what to send', () => {
    const body = Buffer.from('{"id":"a","type":"a.b"}')
    expect(sources.get('foundry').parse({ headers: {}, body }, limits)).toHaveLength(1)
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body }
    expect(problemOf(() => sources.get('github').parse(form, limits)).message).toContain('send application/json')
  })
})
