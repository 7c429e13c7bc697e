import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeliveryDetail } from '../../shared/contracts/api/delivery.ts'
import type { WebhookWithSecret } from '../../shared/contracts/api/webhook.ts'
import type { RenderContext } from '../../shared/payload/format.ts'
import type { z } from 'zod'
import { aNewEvent, anEntry, someTime } from '../support/builders.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const secret = 'the-secret-that-it-was-signed-with'

/** A webhook in OpenMetadata's words, and an attempt at it whose body was made as the context says. */
async function sent(input: object, context: Partial<RenderContext> = {}) {
  const given = { url: 'https://example.com/', label: 'hooks', format: 'openmetadata', secret, ...input }
  const { body: webhook } = await status.call<z.infer<typeof WebhookWithSecret>>('POST', '/webhooks', given)
  const event = aNewEvent({ entity: { type: 'table', name: 'orders', owners: ['ada'] } })
  const delivery = aDelivery(event.envelope.id, webhook.id)
  await status.storage.events.accept({ events: [event], organizationId: 'org', now: someTime })
  await status.storage.deliveries.create([delivery], someTime)
  const format = status.deps.formats.get('openmetadata')
  const { body } = format.render({ ...event.envelope, data: '{"rows":3}' }, { webhook, settings: {}, secrets: [secret], ...context })
  const bodyHash = createHash('sha256').update(body).digest('hex')
  const request = { url: webhook.url, headers: {}, format: 'openmetadata', bodyHash, bytes: body.length }
  const start = aStart(delivery)
  await status.storage.deliveries.record([start, anEnd(start, 200, { request })], someTime)
  const shown = async () => {
    const { body: detail } = await status.call<z.infer<typeof DeliveryDetail>>('GET', `/webhook-deliveries/${delivery.id}`)
    return detail.attempt_log[0]?.request
  }
  return { webhook, eventId: event.envelope.id, body: Buffer.from(body).toString(), shown }
}

describe('a body in which a signature stands is shown again', () => {
  it('as long as its secret is kept, though another signs now', async () => {
    const { webhook, body, shown } = await sent({})
    expect((await shown())?.body).toBe(body)

    await status.call('POST', `/webhooks/${webhook.id}/rotate-secret`, { overlap_seconds: 60 })
    status.clock.forward(120_000)
    expect(await shown()).toMatchObject({ body, body_note: null })

    await status.call('PATCH', `/webhooks/${webhook.id}`, { secret: 'another-secret-altogether' })
    expect(await shown()).toMatchObject({ body: null, body_note: expect.stringContaining('has changed since') })
  })

  it('though the webhook asks for batches since, and tells owners since', async () => {
    const { webhook, body, shown } = await sent({})

    await status.call('PATCH', `/webhooks/${webhook.id}`, { batch_size: 10, recipients: ['owners'] })

    expect((await shown())?.body).toBe(body)
  })
})

it('a body with recipients is shown as long as the directory says the same of them', async () => {
  await status.storage.directory.put(anEntry({ name: 'ada', displayName: 'Ada' }))
  const recipients = { get: () => [{ type: 'user', name: 'ada', display_name: 'Ada' }] } as unknown as RenderContext['recipients']
  const { body, shown } = await sent({ recipients: ['owners'] }, { ...(recipients && { recipients }) })

  expect(body).toContain('"displayName":"Ada"')
  expect((await shown())?.body).toBe(body)
  await status.storage.directory.put(anEntry({ name: 'ada', displayName: 'Ada Lovelace' }))
  expect(await shown()).toMatchObject({ body: null, body_note: expect.stringContaining('has changed since') })
})
