import { createRoute } from '@hono/zod-openapi'
import {
  Count,
  CountInput,
  Delivery,
  DeliveryDetail,
  DeliveryFilterRequest,
  deliveryFilterReference,
} from '../../../shared/contracts/api/delivery.ts'
import { IdParam, listOf } from '../../../shared/contracts/api/list.ts'
import { AttemptParams, SignatureCheck } from '../../../shared/contracts/api/signature.ts'
import type { App } from '../../../shared/http/app.ts'
import { findDelivery, redeliver, showAttempts } from '../deliveries.ts'
import type { StatusDeps } from '../deps.ts'
import { deliveryOf, pageOf } from '../shape.ts'
import { checkSignature } from '../signature.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const tags = ['Deliveries']

const filter = createRoute({
  method: 'post',
  path: '/webhook-deliveries/filter',
  tags,
  ...needs('read'),
  summary: 'Search the delivery log',
  description: `Newest first unless sorted otherwise, by up to three fields. Pages are stable: what is delivered in the meantime moves none of the rest.\n\n${deliveryFilterReference}`,
  request: body(DeliveryFilterRequest),
  responses: { 200: json(listOf(Delivery), 'A page of deliveries.'), ...refusals(...badBody) },
})
const count = createRoute({
  method: 'post',
  path: '/webhook-deliveries/count',
  tags,
  ...needs('read'),
  summary: 'Count deliveries',
  request: body(CountInput),
  responses: { 200: json(Count, 'How many there are.'), ...refusals(...badBody) },
})
const get = createRoute({
  method: 'get',
  path: '/webhook-deliveries/{id}',
  tags,
  ...needs('read'),
  summary: 'Look at a delivery',
  description: 'With every attempt: what was sent, what came back, how long it took, and what was decided.',
  request: { params: IdParam },
  responses: { 200: json(DeliveryDetail, 'The delivery and its attempts.'), ...refusals(404) },
})
const signature = createRoute({
  method: 'get',
  path: '/webhook-deliveries/{id}/attempts/{attemptId}/signature',
  tags,
  ...needs('read'),
  summary: 'Check the signature of an attempt',
  description: 'As a receiver does, over what was sent, with each secret of today alone. No secret is shown.',
  request: { params: AttemptParams },
  responses: { 200: json(SignatureCheck, 'What came of it.'), ...refusals(404) },
})
const again = createRoute({
  method: 'post',
  path: '/webhook-deliveries/{id}/redeliver',
  tags,
  ...needs('write'),
  summary: 'Send a delivery again',
  description:
    "At once, with the same event id on the wire, a new generation in the log, and the webhook's retry policy from the start. One that is under way is refused, unless it is held.",
  request: { params: IdParam },
  responses: { 202: json(Delivery, 'Opened again.'), ...refusals(404, 409) },
})

export function addDeliveryRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(filter), async (c) => {
    const { patience_ms: patienceMs, ...request } = c.req.valid('json')
    const page = await deps.storage.deliveries.filter(c.get('key').organizationId, { ...request, patienceMs })
    return c.json(
      pageOf(page, (delivery) => deliveryOf(delivery, c.get('key'))),
      200,
    )
  })
  app.openapi(guard(count), async (c) => {
    const { filter: wanted, up_to: upTo, patience_ms: patienceMs } = c.req.valid('json')
    return c.json(await deps.storage.deliveries.count(c.get('key').organizationId, wanted, { upTo, patienceMs }), 200)
  })
  app.openapi(guard(get), async (c) => {
    const { delivery, attempts } = await findDelivery(c.get('key').organizationId, c.req.valid('param').id, deps)
    return c.json({ ...deliveryOf(delivery, c.get('key')), attempt_log: await showAttempts(attempts, delivery, c.get('key'), deps) }, 200)
  })
  app.openapi(guard(signature), async (c) => {
    const { id, attemptId } = c.req.valid('param')
    return c.json(await checkSignature(id, attemptId, c.get('key'), deps), 200)
  })
  app.openapi(guard(again), async (c) =>
    c.json(deliveryOf(await redeliver(c.get('key').organizationId, c.req.valid('param').id, deps), c.get('key')), 202),
  )
}
