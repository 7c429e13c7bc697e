import { entityOf, textOf, timeOf, typeName } from '../fields.ts'
import { scalarAt } from '../json-slice.ts'
import { readEvents } from '../read-events.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * Shopify: the body is the object, all else stands in headers, which come under newer names without `x-` too. The type
 * is the topic, `products/update` as `products.update`. A delivery is known by its webhook id; where only the event id
 * is there, by that and the topic, because one event may be told under several.
 */
function parse(request: ReceivedRequest, limits: Limits) {
  const header = (name: string) => textOf(request.headers[`shopify-${name}`] ?? request.headers[`x-shopify-${name}`])
  const [topic, webhookId, eventId] = [header('topic'), header('webhook-id'), header('event-id')]
  return readEvents(request, limits, (_, { raw }, report) => {
    const type = typeName(topic)
    if (type === undefined) return report('the header must name the topic, for example products/update', 'x-shopify-topic')
    return {
      sourceEventId: webhookId ?? (eventId && `${topic} ${eventId}`),
      type,
      time: timeOf(header('triggered-at'), 'seconds'),
      subject: header('shop-domain'),
      entity: entityOf({ type: type.split('.')[0], id: scalarAt(raw, 'id') }),
    }
  })
}

const headers = {
  'content-type': 'application/json',
  'x-shopify-topic': 'products/update',
  'x-shopify-shop-domain': 'example.myshopify.com',
  'x-shopify-webhook-id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
}
const samples: SourceSample[] = [
  {
    title: 'a product was updated',
    headers,
    body: '{"id":1071559748,"title":"Burton Custom Freestyle 151","weight":0.0,"tags":"\\"Big Air\\""}',
  },
  {
    title: 'newer header names, known by the event',
    headers: {
      'content-type': 'application/json',
      'shopify-topic': 'orders/paid',
      'shopify-event-id': '98880550-7158-44d4-b7cd-2c97c8a091b5',
      'shopify-triggered-at': '2026-04-15T09:00:03.123456789Z',
    },
    body: '{"id":820982911946154508}',
  },
]

export default {
  name: 'shopify',
  description: 'Shopify: topics of the Admin API.',
  scheme: 'shopify',
  parse,
  identity: 'id',
  samples,
} satisfies SourceAdapter
