import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anEvent, fast } from '../support/builders.ts'
import { startCollector, type Collector, type CollectedSpan } from '../support/collector.ts'
import { eventually } from '../support/eventually.ts'
import { withSystem, type System } from '../support/system.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const sender = 'b7ad6b7169203331'
const traceparent = `00-${trace}-${sender}-01`

let collector: Collector
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(() => collector.stop())

/** Of one event's way, once they are all here. */
const spansOf = (traceId: string, count: number): Promise<CollectedSpan[]> =>
  eventually(() => {
    const found = collector.spans.filter((span) => span.traceId === traceId)
    expect(found.map(({ name }) => name)).toHaveLength(count)
    return found
  })

async function consumer({ api, receiver }: System, type: string) {
  const inbox = receiver.at(`/${type}`)
  const { id } = await api.createWebhook({ url: inbox.url, retry: fast(0.05, 0.05) })
  await api.subscribe(id, type)
  return { inbox, id }
}

const eventIn = (output: string, message: string): Record<string, unknown>[] =>
  output
    .split('\n')
    .filter((line) => line.includes(`"msg":"${message}"`) && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('with a collector, an event', () => {
  const settings = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100', LOG_LEVEL: 'info' })

  it('has one trace from the request that brings it to the log, which continues that of its sender and goes on at its receiver', async () => {
    await withSystem({ settings: settings() }, async (system) => {
      const { inbox } = await consumer(system, 'traced')
      inbox.reply(500, 200)

      const [eventId] = await system.api.publish(anEvent({ type: 'traced' }), { traceparent })

      const spans = await spansOf(trace, 6)
      const named = (name: string) => spans.filter((span) => span.name === name)
      const [accept] = named('accept')
      expect(accept).toMatchObject({ service: 'tidings-ingest', parentSpanId: sender, kind: 2 })
      expect(named('fan-out')).toMatchObject([{ parentSpanId: accept?.spanId, attributes: { 'tidings.event_id': eventId } }])
      const delivers = named('deliver')
      expect(delivers).toMatchObject([
        { service: 'tidings-dispatcher', parentSpanId: accept?.spanId, kind: 3, status: { code: 2, message: 'answered 500' } },
        {
          attributes: { 'tidings.outcome': 'succeeded', 'http.response.status_code': 200, 'tidings.event_id': eventId, 'tidings.step': 2 },
        },
      ])
      expect(named('record').map(({ parentSpanId }) => parentSpanId)).toEqual(delivers.map(({ spanId }) => spanId))
      expect(inbox.requests.map(({ headers }) => headers['traceparent'])).toEqual(delivers.map(({ spanId }) => `00-${trace}-${spanId}-01`))
      expect(JSON.stringify(spans)).not.toContain(inbox.url)

      const [accepted] = eventIn(system.ingest.output(), 'event accepted')
      const attempts = eventIn(system.dispatchers[0]?.output() ?? '', 'attempt finished')
      expect(accepted).toMatchObject({ eventId, traceId: trace })
      expect(attempts).toHaveLength(2)
      for (const line of attempts)
        expect(line).toMatchObject({ eventId, traceId: trace, deliveryId: expect.any(String), attemptId: expect.any(String) })
    })
  })
})

describe('without a collector, an event', () => {
  it("carries its sender's trace through to its receiver as it came", async () => {
    await withSystem({}, async (system) => {
      const { inbox } = await consumer(system, 'untraced')
      await system.api.publish(anEvent({ type: 'untraced', id: 'a' }), { traceparent })
      await inbox.request(1)
      await system.api.publish(anEvent({ type: 'untraced', id: 'b' }), { traceparent: 'nonsense' })

      await inbox.request(2)

      expect(inbox.requests.map(({ headers }) => headers['traceparent'])).toEqual([traceparent, undefined])
      expect(collector.spans.filter(({ attributes }) => attributes['tidings.event_type'] === 'untraced')).toEqual([])
    })
  })
})
