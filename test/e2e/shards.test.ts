import { describe, expect, it } from 'vitest'
import { shardTargets } from '../../shared/shards.ts'
import { keys } from '../../shared/transport.ts'
import { anEvent, fast } from '../support/builders.ts'
import { useSystem, type Consumer } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'
import { startService } from '../support/processes.ts'

const count = 3
const settings = { DELIVERY_SHARDS: String(count), CONCURRENCY: '20', BREAKER_OPEN_MS: '300' }
let environment: Record<string, string> = {}
const { system, aConsumer, publish, logged } = useSystem({
  settings,
  settingsOf: async (_name, redis) => {
    environment = { REDIS_URL: redis.url }
    return {}
  },
})
const { all: targets, of: targetOf } = shardTargets({ url: '', prefix: '{tidings}' }, count)

/** One whose webhook lies in this shard: their ids are drawn, so that a few are made until one does. */
async function aConsumerIn(shard: number, input: Record<string, unknown> = {}): Promise<Consumer> {
  for (;;) {
    const consumer = await aConsumer(input)
    if (targetOf(consumer.webhookId) === targets[shard]) return consumer
    await system().api.removeWebhook(consumer.webhookId)
  }
}

const inEachShard = (input?: Record<string, unknown>) => Promise.all(targets.map((_, shard) => aConsumerIn(shard, input)))

describe('with three shards', () => {
  it('an event goes to webhooks of all of them, and each delivery is in the log', async () => {
    const consumers = await inEachShard()
    for (const { webhookId } of consumers) await system().api.subscribe(webhookId, 'everybody')

    const eventId = await publish('everybody')

    for (const consumer of consumers) {
      const { attempt_log } = await logged(eventId, consumer, 'succeeded')
      expect(attempt_log.map(({ outcome }) => outcome)).toEqual(['succeeded'])
      expect(consumer.inbox.requests.map(({ id }) => id)).toEqual([eventId])
    }
  })

  it('each has its keys below a prefix of its own, and nothing of a delivery stays behind', async () => {
    const consumers = await inEachShard()
    for (const { webhookId } of consumers) await system().api.subscribe(webhookId, 'tidied')

    const eventId = await publish('tidied')

    for (const consumer of consumers) await logged(eventId, consumer, 'succeeded')
    for (const { prefix } of targets) {
      const key = keys(prefix)
      expect(await system().redis.ask('GET', key.epoch)).toBe('whole')
      await eventually(async () => expect(await system().redis.ask('XLEN', key.outcomes)).toBe('0'))
      await eventually(async () => expect(await system().redis.ask('EXISTS', key.event(eventId))).toBe('0'))
    }
  })

  it('what failed is sent again, of all of them', async () => {
    const consumers = await inEachShard({ retry: fast() })
    for (const { inbox, webhookId } of consumers) {
      inbox.reply(500)
      await system().api.subscribe(webhookId, 'again')
    }
    const ids = await system().api.publish(Array.from({ length: 4 }, () => anEvent({ type: 'again' })))
    for (const consumer of consumers) for (const id of ids) await logged(id, consumer, 'failed')
    for (const { inbox } of consumers) inbox.reply(200)

    await system().api.redeliverAll({ field: 'event_type', op: 'eq', value: 'again' })

    for (const consumer of consumers) for (const id of ids) await logged(id, consumer, 'succeeded')
  })

  it.each(targets.map((_, shard) => shard))('in shard %d a breaker keeps requests away, and lets out what was parked', async (shard) => {
    const consumer = await aConsumerIn(shard, { retry: fast(...Array.from({ length: 12 }, () => 0.2)) })
    consumer.inbox.reply(...Array.from({ length: 8 }, () => 500), 200)

    const ids = await system().api.publish(Array.from({ length: 12 }, () => anEvent({ type: consumer.type })))

    for (const id of ids) await logged(id, consumer, 'succeeded')
    expect(consumer.inbox.requests).toHaveLength(20)
  })

  it.each(targets.map((_, shard) => shard))('in shard %d events of one entity stay in line', async (shard) => {
    const consumer = await aConsumerIn(shard, { order: 'entity', retry: fast(0.3, 0.3) })
    consumer.inbox.reply(500, 500, 200)

    const ids = await system().api.publish(Array.from({ length: 5 }, () => anEvent({ type: consumer.type })))

    for (const id of ids) await logged(id, consumer, 'succeeded')
    expect(consumer.inbox.requests.map(({ id }) => id)).toEqual([ids[0], ids[0], ...ids])
  })

  it('what follows a delivery may lie in another one', async () => {
    const after = await aConsumerIn(2)
    const first = await aConsumerIn(1, { triggers: [after.webhookId] })

    const eventId = await publish(first.type)

    await logged(eventId, after, 'succeeded')
  })

  it('a change of a webhook is known at once, wherever it lies', async () => {
    const consumers = await inEachShard()
    for (const consumer of consumers) await logged(await publish(consumer.type), consumer, 'succeeded')

    for (const consumer of consumers) {
      const moved = system().receiver.at(`/moved-${consumer.type}`)
      await system().api.patchWebhook(consumer.webhookId, { url: moved.url })
      await logged(await publish(consumer.type), consumer, 'succeeded')
      expect(moved.requests).toHaveLength(1)
    }
  })

  it('a wiped Redis is filled again, each shard with what is its own', async () => {
    const consumers = await inEachShard({ retry: fast(2, 2) })
    const events: string[] = []
    for (const { inbox, type } of consumers) {
      inbox.reply(500, 200)
      events.push(await publish(type))
    }
    for (const [i, consumer] of consumers.entries()) await logged(events[i] as string, consumer, 'retrying')

    await system().redis.flush()

    for (const [i, consumer] of consumers.entries()) await logged(events[i] as string, consumer, 'succeeded')
    expect(await system().redis.ask('GET', keys('{tidings}').shards)).toBe(String(count))
  })

  it('a process that knows of another number is refused, and told how the number is changed', async () => {
    const env = { ...environment, DATABASE_URL: `sqlite:${system().database}`, MASTER_KEY: Buffer.alloc(32).toString('base64') }

    for (const service of ['dispatcher', 'ingest', 'status'] as const) {
      const started = startService(service, { ...env, DELIVERY_SHARDS: '2', ...(service !== 'dispatcher' && { PORT: '0' }) })
      await expect(started).rejects.toThrow(/divided into 3 shards, and DELIVERY_SHARDS says 2.*empty this Redis/s)
    }
  })
})
