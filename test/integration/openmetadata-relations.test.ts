import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenMetadataWebhook } from '../../shared/contracts/api/openmetadata.ts'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import { aWebhook, openMetadataClient, type Problem } from '../support/openmetadata.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const { call, create, native, patch } = openMetadataClient(() => status)
const get = async (id: string) => (await call('GET', `/${id}`)).body
const named = (name: string) => ({ type: 'webhook', name })
const reference = ({ id, name, fullyQualifiedName, displayName }: OpenMetadataWebhook) => ({
  id,
  type: 'webhook',
  name,
  fullyQualifiedName,
  ...(displayName !== undefined && { displayName }),
})

describe('triggers and fallback', () => {
  it('are given by name, whole name or id, shown as whole references, and are those of the native API', async () => {
    const [first, second] = [await create({ displayName: 'First' }), await create({ fullyQualifiedName: 'team.second' })]
    const { body: third } = await status.call<Webhook>('POST', '/webhooks', { url: 'https://example.com/in', label: 'third' })

    const webhook = await create({
      triggers: [named(first.name), { type: 'webhook', fullyQualifiedName: 'team.second' }, named(first.name)],
      fallback: { type: 'webhook', id: third.id },
    })

    expect(webhook).toMatchObject({
      triggers: [reference(first), reference(second)],
      fallback: { id: third.id, type: 'webhook', name: third.id, fullyQualifiedName: third.id, displayName: 'third' },
    })
    expect(await get(webhook.id)).toEqual(webhook)
    expect(await native(webhook.id)).toMatchObject({ triggers: [first.id, second.id], fallback: third.id })
    expect(first).not.toHaveProperty('triggers')
    expect(first).not.toHaveProperty('fallback')
  })

  it('are patched, with a version that says so, and not when they are only said in other words', async () => {
    const [first, second] = [await create(), await create()]
    const webhook = await create({ triggers: [named(first.name)] })

    const same = await patch(webhook.id, { op: 'replace', path: '/triggers', value: [{ type: 'webhook', id: first.id }] })
    const { body } = await patch(
      webhook.id,
      { op: 'add', path: '/triggers/-', value: named(second.name) },
      { op: 'add', path: '/fallback', value: named(second.name) },
    )
    const { body: without } = await patch(
      webhook.id,
      { op: 'remove', path: '/triggers' },
      { op: 'replace', path: '/fallback', value: null },
    )

    expect(same.body).toEqual(webhook)
    expect(body).toMatchObject({ version: 0.2, triggers: [reference(first), reference(second)], fallback: reference(second) })
    expect(body.changeDescription).toMatchObject({
      fieldsAdded: [{ name: 'fallback', newValue: reference(second) }],
      fieldsUpdated: [{ name: 'triggers', oldValue: [reference(first)] }],
    })
    expect(without).not.toHaveProperty('triggers')
    expect(without).not.toHaveProperty('fallback')
    expect(without).toMatchObject({ version: 0.3, changeDescription: { fieldsDeleted: [{ name: 'triggers' }, { name: 'fallback' }] } })
    expect(await native(webhook.id)).toMatchObject({ triggers: [], fallback: null })
  })

  it('that lead back are refused by both APIs, with the way they take', async () => {
    const last = await create({ name: 'last' })
    const middle = await create({ name: 'middle', fallback: named('last') })
    const { body: first } = await status.call<Webhook>('POST', '/webhooks', {
      url: 'https://example.com/in',
      label: 'first',
      triggers: [middle.id],
    })

    const theirs = await patch<Problem>(last.id, { op: 'add', path: '/triggers', value: [{ type: 'webhook', id: first.id }] })
    const ours = await status.call<Problem>('PATCH', `/webhooks/${last.id}`, { fallback: first.id })

    const detail = expect.stringContaining('"last" → "first" → "middle" → "last"') as string
    expect(theirs).toMatchObject({ status: 422, body: { detail, errors: [{ field: 'triggers[0]' }] } })
    expect(ours).toMatchObject({ status: 422, body: { detail, errors: [{ field: 'fallback' }] } })
    expect(await get(last.id)).toEqual(last)
  })

  it('are gone with their webhook, and do not come back with it', async () => {
    const leaving = await create({ triggers: [named((await create()).name)] })
    const webhook = await create({ triggers: [named(leaving.name)], fallback: named(leaving.name) })

    await call('DELETE', `/${leaving.id}`)
    expect(await get(webhook.id)).not.toHaveProperty('triggers')
    await patch(leaving.id, { op: 'replace', path: '/deleted', value: false })

    expect(await get(webhook.id)).not.toHaveProperty('fallback')
    expect((await get(leaving.id)).triggers).toEqual(leaving.triggers)
    expect((await patch(leaving.id, { op: 'add', path: '/fallback', value: named(webhook.name) })).status).toBe(200)
  })

  it('of another organization are not there', async () => {
    const key = await status.makeKey(['admin'], 'elsewhere')
    const { name, id } = await create()

    for (const fallback of [named(name), { type: 'webhook', id }])
      expect((await call<Problem>('POST', '', aWebhook({ fallback }), { key })).body.errors).toMatchObject([{ field: 'fallback' }])
  })
})

describe('recipients and batches', () => {
  it('are the same in both APIs', async () => {
    const webhook = await create({
      webhookConfig: { endpoint: 'https://example.com/n', sendToOwners: true, sendToAdmins: true },
      batchSize: 5,
    })
    expect(await native(webhook.id)).toMatchObject({ recipients: ['owners', 'admins'], batch_size: 5 })

    const { body } = await patch(
      webhook.id,
      { op: 'replace', path: '/webhookConfig/sendToOwners', value: false },
      { op: 'replace', path: '/batchSize', value: 1 },
    )
    expect(body.changeDescription?.fieldsUpdated.map(({ name }) => name).sort()).toEqual(['batchSize', 'webhookConfig.sendToOwners'])
    expect(await native(webhook.id)).toMatchObject({ recipients: ['admins'], batch_size: 1 })

    await status.call('PATCH', `/webhooks/${webhook.id}`, { recipients: ['followers', 'followers'], batch_size: 20 })
    expect(await get(webhook.id)).toMatchObject({
      batchSize: 20,
      webhookConfig: { sendToOwners: false, sendToFollowers: true, sendToAdmins: false },
    })
    await status.call('PATCH', `/webhooks/${webhook.id}`, { recipients: null })
    expect((await get(webhook.id)).webhookConfig).toMatchObject({ sendToFollowers: false })
  })

  it('a batch stays as it was given where the format sends events one by one, until it is set again', async () => {
    const headers = { Authorization: 'Token token=a-routing-key' }
    const webhook = await create({ webhookConfig: { endpoint: 'https://events.pagerduty.com/v2/enqueue', headers }, batchSize: 5 })

    const renamed = await status.call<Webhook>('PATCH', `/webhooks/${webhook.id}`, { label: 'renamed' })
    const batched = await status.call<Problem>('PATCH', `/webhooks/${webhook.id}`, { batch_size: 4 })

    expect(renamed).toMatchObject({ status: 200, body: { format: 'pagerduty', batch_size: 5 } })
    expect(batched).toMatchObject({ status: 422, body: { errors: [{ field: 'batch_size' }] } })
    expect((await get(webhook.id)).batchSize).toBe(5)
  })

  it('a batch cannot be had with the order of each entity', async () => {
    const webhook = await create({ batchSize: 1 })
    await status.call('PATCH', `/webhooks/${webhook.id}`, { order: 'entity' })

    const refused = await patch<Problem>(webhook.id, { op: 'replace', path: '/batchSize', value: 2 })

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: 'batchSize' }] } })
  })
})
