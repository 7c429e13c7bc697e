import { afterAll, beforeAll, expect, onTestFailed } from 'vitest'
import type { Api } from './api.ts'
import { anEvent, fast } from './builders.ts'
import { eventually } from './eventually.ts'
import type { Inbox } from './receiver.ts'
import { faultsOf, showLogs, startSystem, type System, type SystemOptions } from './system.ts'

/** Who gets events of a type that nobody else gets. */
export type Consumer = { inbox: Inbox; webhookId: string; secret: string; type: string }

/** A cluster, a database and eight processes, on a machine that has other things to do. */
const startWithinMs = 180_000

/**
 * One system for all tests of a file, which is seconds cheaper than one each. Every consumer has a path of the receiver
 * and an event type of its own, so that tests do not see each other's events.
 */
export function useSystem(options: SystemOptions = {}) {
  let running: System
  let consumers = 0
  beforeAll(async () => {
    running = await startSystem(options)
  }, startWithinMs)
  afterAll(async () => {
    await running?.stop()
    expect(running ? faultsOf(running) : []).toEqual([])
  })

  async function aConsumer(input: Record<string, unknown> = {}, filters?: Record<string, unknown>): Promise<Consumer> {
    onTestFailed(() => showLogs(running))
    const type = `consumer-${++consumers}`
    const inbox = running.receiver.at(`/${type}`)
    const { id: webhookId, secret } = await running.api.createWebhook({ url: inbox.url, retry: fast(0.05, 0.05), ...input })
    await running.api.subscribe(webhookId, filters ? { event_type: type, filters } : type)
    return { inbox, webhookId, secret, type }
  }

  /** @returns the event's id */
  const publish = async (type: string, members: Record<string, unknown> = {}): Promise<string> =>
    (await running.api.publish(anEvent({ type, ...members })))[0] as string

  /** The delivery of an event to a consumer, once its log says that it has come to this. */
  const logged = (eventId: string, { webhookId }: Consumer, status: string): ReturnType<Api['delivery']> =>
    eventually(async () => {
      const delivery = await running.api.deliveryOf(eventId, webhookId)
      expect(delivery.status).toBe(status)
      return delivery
    })

  return { system: () => running, aConsumer, publish, logged }
}
