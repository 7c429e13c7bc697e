import { createHmac } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/api/event.ts'
import type { OpenMetadataWebhook } from '../../shared/contracts/api/openmetadata.ts'
import type { OpenMetadataDelivery } from '../../shared/contracts/api/openmetadata-calls.ts'
import { useSystem } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'
import { examples } from '../support/openmetadata-examples.ts'
import type { Received } from '../support/receiver.ts'

const { system } = useSystem()
const root = '/api/v1/webhooks'
const catalogSecret = 'what-the-catalog-signs-with'
const secretKey = 'your-hmac-secret-key'

beforeAll(() => system().api.steer(201, 'POST', '/sources', { name: 'catalog', adapter: 'openmetadata', secret: catalogSecret }))

let last = 0
/** A ChangeEvent as the product sends it: the entity is JSON in a string. */
const changeEvent = (entityType: string, change: object = {}, entity: object = {}) => ({
  id: `5f7a1c1e-0000-4000-8000-${(++last).toString().padStart(12, '0')}`,
  eventType: 'entityUpdated',
  entityType,
  entityId: 'f6d5aa1e-37fb-4c9a-9d3f-7f5b6d3f0a11',
  entityFullyQualifiedName: 'shop.public.orders',
  userName: 'ada',
  timestamp: 1_776_243_603_000,
  changeDescription: { fieldsAdded: [], fieldsUpdated: [], fieldsDeleted: [], previousVersion: 0.1, ...change },
  entity: JSON.stringify({
    id: 'f6d5aa1e-37fb-4c9a-9d3f-7f5b6d3f0a11',
    name: 'orders',
    fullyQualifiedName: 'shop.public.orders',
    ...entity,
  }),
})
const retagged = { fieldsUpdated: [{ name: 'tags', oldValue: '[]', newValue: '[{"tagFQN":"Tier.Tier1"}]' }] }

async function report(...events: object[]): Promise<void> {
  const body = JSON.stringify(events)
  const signature = createHmac('sha256', catalogSecret).update(body).digest('base64')
  const response = await fetch(`${system().ingest.url}/sources/catalog/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-om-signature': `sha256=${signature}` },
    body,
  })
  expect(response.ok, await response.clone().text()).toBe(true)
}

const create = (path: string, members: object = {}, config: object = {}) =>
  system().api.steer<OpenMetadataWebhook>(201, 'POST', root, {
    name: path.slice(1),
    webhookType: 'Custom',
    eventFilters: [{ eventType: 'entityUpdated', entities: ['table'], include: ['tier'] }],
    webhookConfig: { endpoint: system().receiver.at(path).url, secretKey, ...config },
    batchSize: 1,
    ...members,
  })
const get = (id: string) => system().api.steer<OpenMetadataWebhook>(200, 'GET', `${root}/${id}`)

/** As the documentation verifies it. */
const isSigned = ({ headers, body }: Received) =>
  headers['x-openmetadata-signature'] === `sha256=${createHmac('sha256', secretKey).update(body).digest('hex')}`

/** The payload of the documentation, but for its signature. */
const documented = {
  eventId: '123e4567-e89b-12d3-a456-426614174000',
  eventType: 'entityUpdated',
  timestamp: 1705320000000,
  entity: {
    id: '456e7890-e89b-12d3-a456-426614174111',
    type: 'table',
    name: 'customers',
    fullyQualifiedName: 'snowflake_prod.sales.public.customers',
    description: 'Customer information table',
    owner: { type: 'user', name: 'john.doe' },
    tags: [{ tagFQN: 'PII.Sensitive' }],
  },
  changeDescription: {
    fieldsAdded: [],
    fieldsUpdated: [{ name: 'tags', oldValue: [], newValue: [{ tagFQN: 'PII.Sensitive' }] }],
    fieldsDeleted: [],
  },
  webhookName: 'SlackTableNotifications',
}

describe('a webhook of OpenMetadata', () => {
  it('gets the payload of the documentation as it is printed there, signed over all the rest', async () => {
    await create('/documented', {
      name: 'SlackTableNotifications',
      eventFilters: [{ eventType: 'entityUpdated', entities: ['table'], include: ['tags'] }],
    })

    await report(documented)

    const request = await system().receiver.at('/documented').request(1)
    const { signature, ...rest } = JSON.parse(request.body) as Record<string, unknown>
    expect(rest).toEqual(documented)
    expect(isSigned(request)).toBe(true)
    expect(signature).toBe(`sha256=${createHmac('sha256', secretKey).update(JSON.stringify(rest)).digest('hex')}`)
  })

  it('sends batches to whoever asks for them, and tells owners and followers, at a webhook of their own where they have one', async () => {
    const personal = await system().api.createWebhook({ url: system().receiver.at('/john').url })
    await system().api.steer(200, 'PUT', '/sources/catalog/directory', {
      users: [{ name: 'john.doe', display_name: 'John Doe', email: 'john@example.com', webhook_id: personal.id }, { name: 'ada' }],
      teams: [{ name: 'stewards', members: ['ada'] }],
    })
    const config = { endpoint: system().receiver.at('/notifications').url, timeout: 10 }
    await create('/notifications', { ...examples.owners, webhookConfig: { ...examples.owners.webhookConfig, ...config } })

    const followers = [{ type: 'team', name: 'stewards' }]
    const retold = { ...documented, eventId: '123e4567-e89b-12d3-a456-426614174001', entity: { ...documented.entity, followers } }
    await report(retold)

    const { body } = await system().receiver.at('/notifications').request(1)
    expect(JSON.parse(body)).toMatchObject({
      data: [
        {
          eventId: retold.eventId,
          webhookName: 'OwnerFollowerNotifications',
          recipients: [
            { type: 'user', name: 'john.doe', displayName: 'John Doe', email: 'john@example.com' },
            { type: 'team', name: 'stewards' },
            { type: 'user', name: 'ada' },
          ],
        },
      ],
      paging: { total: 1 },
    })
    expect(JSON.parse((await system().receiver.at('/john').request(1)).body)).toMatchObject({
      type: 'table.updated',
      entity: { name: 'snowflake_prod.sales.public.customers' },
    })
  })

  it('gets what a catalog reports, as documented and signed, and nothing that its filters do not want', async () => {
    const { id } = await create('/custom', {}, { headers: { 'X-Custom-Header': 'value' } })

    const wanted = changeEvent('table', retagged)
    await report(changeEvent('dashboard', retagged), changeEvent('table', { fieldsUpdated: [{ name: 'description' }] }), wanted)

    const request = await system().receiver.at('/custom').request(1)
    expect(isSigned(request)).toBe(true)
    expect(request.headers).toMatchObject({ 'x-custom-header': 'value', 'content-type': 'application/json' })
    expect(JSON.parse(request.body)).toMatchObject({
      eventId: wanted.id,
      eventType: 'entityUpdated',
      webhookName: 'custom',
      entity: { type: 'table', name: 'orders', fullyQualifiedName: 'shop.public.orders' },
      changeDescription: { fieldsUpdated: [{ name: 'tags', newValue: [{ tagFQN: 'Tier.Tier1' }] }] },
    })
    const log = await eventually(async () => {
      const page = await system().api.steer<{ data: OpenMetadataDelivery[] }>(200, 'GET', `${root}/${id}/deliveries`)
      expect(page.data).toMatchObject([{ status: 'succeeded', attempts: 1, eventType: 'table.updated', lastStatusCode: 200 }])
      return page.data
    })
    const event: Event = await system().api.event(log[0]?.eventId as string)
    expect(event.matches.find(({ webhook }) => webhook.id === id)).toMatchObject({ matched: true })
    expect(system().receiver.at('/custom').requests).toHaveLength(1)
  })

  it('waits a minute before it tries again, and then counts as awaiting a retry', async () => {
    const { id } = await create('/failing')
    system().receiver.at('/failing').reply(503)

    await report(changeEvent('table', retagged))

    const { status, failureDetails } = await eventually(async () => {
      const webhook = await get(id)
      expect(webhook.failureDetails).toBeDefined()
      return webhook
    })
    expect(status).toBe('awaitingRetry')
    expect(failureDetails).toMatchObject({ lastFailedStatusCode: 503, lastFailedReason: 'answered 503' })
    expect((failureDetails?.nextAttempt ?? 0) - (failureDetails?.lastFailedAt ?? 0)).toBe(60_000)
  })

  it('without a key is not signed, and one that is deleted hears no more', async () => {
    const { id } = await create('/unsigned', {}, { secretKey: '' })
    const inbox = system().receiver.at('/unsigned')

    await report(changeEvent('table', retagged))
    const request = await inbox.request(1)
    await system().api.steer(200, 'DELETE', `${root}/${id}`)
    const { id: heard } = await create('/heard')
    await report(changeEvent('table', retagged))
    await system().receiver.at('/heard').request(1)

    expect(Object.keys(request.headers).filter((name) => name.includes('signature'))).toEqual([])
    expect(inbox.requests).toHaveLength(1)
    expect((await get(heard)).status).toBe('active')
  })
})
