import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { anEvent } from '../support/builders.ts'
import { useSystem } from '../support/consumers.ts'
import { deploymentNames, findDeployment, MissingEngine, type Deployment } from '../support/deployments.ts'
import { eventually } from '../support/eventually.ts'
import { isSignedWith } from '../support/receiver.ts'

function suite(deployment: Deployment): void {
  const { system, aConsumer, publish, logged } = useSystem(deployment)

  describe('an event', () => {
    it('is delivered as a signed request and logged with all that was said', async () => {
      const consumer = await aConsumer()
      consumer.inbox.reply({ status: 201, headers: { 'x-took': 'it' }, body: 'thanks' })

      const body = `{"type":"${consumer.type}","data":{"rows": 9007199254740993}}`
      const [eventId] = await system().api.publish(body)

      const request = await consumer.inbox.request(1)
      expect(request.id).toBe(eventId)
      expect(isSignedWith(consumer.secret, request)).toBe(true)
      expect(isSignedWith(consumer.secret, { ...request, body: `${request.body} ` })).toBe(false)
      expect(request.body).toContain('"data":{"rows": 9007199254740993}')
      const delivery = await logged(eventId as string, consumer, 'succeeded')
      expect(delivery).toMatchObject({
        event_id: eventId,
        attempts: 1,
        generation: 0,
        last_outcome: 'succeeded',
        last_status_code: 201,
        reason: null,
      })
      expect(delivery.attempt_log).toHaveLength(1)
      expect(delivery.attempt_log[0]).toMatchObject({
        number: 1,
        outcome: 'succeeded',
        request: { url: consumer.inbox.url, body: request.body, headers: { 'webhook-id': eventId } },
        response: { status_code: 201, body: 'thanks', headers: { 'x-took': 'it' } },
        next_attempt_at: null,
      })
    })

    it('is delivered once to a webhook, however many of its subscriptions want it', async () => {
      const consumer = await aConsumer()
      await system().api.subscribe(consumer.webhookId, consumer.type, { event_type: consumer.type, filters: { entity_types: ['table'] } })

      const eventId = await publish(consumer.type)

      const delivery = await logged(eventId, consumer, 'succeeded')
      expect(delivery.subscription_ids).toHaveLength(2)
      expect(consumer.inbox.requests).toHaveLength(1)
    })

    it('comes in as a structured CloudEvent', async () => {
      const consumer = await aConsumer({ format: 'cloudevents' })
      const event = { specversion: '1.0', id: 'a-1', source: '/catalog', type: consumer.type, data: { rows: 3 } }

      await system().api.publish(event, { 'content-type': 'application/cloudevents+json' })

      const request = await consumer.inbox.request(1)
      expect(isSignedWith(consumer.secret, request)).toBe(true)
      expect(request.headers['content-type']).toMatch(/^application\/cloudevents\+json/)
      expect(JSON.parse(request.body)).toMatchObject(event)
    })

    it('comes in as a binary CloudEvent, whose data are bytes of their own', async () => {
      const consumer = await aConsumer({ format: 'cloudevents-binary' })
      const headers = {
        'ce-specversion': '1.0',
        'ce-id': 'b-1',
        'ce-source': '/catalog',
        'ce-type': consumer.type,
        'content-type': 'text/plain',
      }

      await system().api.publish('über 3 rows', headers)

      const request = await consumer.inbox.request(1)
      expect(isSignedWith(consumer.secret, request)).toBe(true)
      expect(request.body).toBe('über 3 rows')
      expect(request.headers).toMatchObject(headers)
    })

    it('comes in as a batch of CloudEvents, each of which is an event of its own', async () => {
      const consumer = await aConsumer()
      const event = (id: string) => ({ specversion: '1.0', id, source: '/catalog', type: consumer.type })

      const ids = await system().api.publish(['c-1', 'c-2', 'c-3'].map(event), { 'content-type': 'application/cloudevents-batch+json' })

      expect(new Set(ids).size).toBe(3)
      await consumer.inbox.seen(ids)
      expect(consumer.inbox.requests.every((request) => isSignedWith(consumer.secret, request))).toBe(true)
    })

    it('is signed in the way of Ptolemy where the webhook says so', async () => {
      const consumer = await aConsumer({ scheme: 'ptolemy', format: 'ptolemy' })

      await publish(consumer.type)

      const { headers, body } = await consumer.inbox.request(1)
      const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['ptolemy-signature'] ?? '') ?? []
      expect(signature).toBe(createHmac('sha256', consumer.secret).update(`${time}.${body}`).digest('hex'))
      expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60)
    })

    it('that nobody wants is accepted, and the log says why each subscription did not want it', async () => {
      const consumer = await aConsumer({}, { domains: ['HR'], tags: ['PII'] })

      const eventId = await publish(consumer.type, { entity: { type: 'table', name: 'a.b', domain: 'Sales' } })

      const event = await eventually(async () => {
        const found = await system().api.event(eventId)
        expect(found.matched).toBe(0)
        return found
      })
      expect(event.deliveries.data).toEqual([])
      expect(event.matches.find((match) => match.webhook.id === consumer.webhookId)).toMatchObject({
        matched: false,
        clause: 'domains',
        reason: 'the event has "Sales", wanted is "HR"',
        delivery_id: null,
      })
    })
  })

  describe('an event sent twice', () => {
    it('is accepted once when it has the same id and body', async () => {
      const consumer = await aConsumer()
      const event = anEvent({ type: consumer.type, id: 'twice' })

      const [first] = await system().api.publish(event)
      const [second] = await system().api.publish(event)
      const [sentinel] = await system().api.publish(anEvent({ type: consumer.type }))

      expect(second).toBe(first)
      await consumer.inbox.seen([first as string, sentinel as string])
      expect(consumer.inbox.requests).toHaveLength(2)
    })

    it('is refused when the id is that of another body, and the answer names the field', async () => {
      const consumer = await aConsumer()
      await system().api.publish(anEvent({ type: consumer.type, id: 'changed' }))

      const reply = await system().api.post(JSON.stringify(anEvent({ type: consumer.type, id: 'changed', data: { rows: 4 } })))

      expect(reply.status).toBe(409)
      expect(reply.headers.get('content-type')).toBe('application/problem+json')
      expect(reply.body).toMatchObject({ status: 409, errors: [{ field: 'id', message: expect.stringContaining('another body') }] })
    })

    it('is accepted once when the request has the same Idempotency-Key, and refused with another body', async () => {
      const consumer = await aConsumer()
      const headers = { 'idempotency-key': 'request-1' }

      const first = await system().api.publish(anEvent({ type: consumer.type }), headers)
      const second = await system().api.publish(anEvent({ type: consumer.type }), headers)
      const other = await system().api.post(JSON.stringify(anEvent({ type: consumer.type, data: 'other' })), headers)

      expect(second).toEqual(first)
      expect(other.status).toBe(409)
    })
  })
}

for (const name of deploymentNames) {
  const found = await findDeployment(name).catch((error: Error) => error)
  if (found instanceof MissingEngine) it(`on the ${name} deployment`, (context) => context.skip(found.message))
  else if (found instanceof Error) throw found
  else describe(`on the ${name} deployment`, () => suite(found))
}
