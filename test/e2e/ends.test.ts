import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { connectRedis, waitForever } from '../../shared/redis.ts'
import { anEvent } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { realRedis } from '../support/redis.ts'
import { withSystem } from '../support/system.ts'

describe('the end of an attempt', () => {
  it('is in Redis before the end of its job, of every one', async (context) => {
    const looked = await realRedis()
    if (!('program' in looked)) context.skip(`only a real Redis shows what it is told: ${looked.reason}`)
    await withSystem({}, async ({ api, receiver, redis }) => {
      receiver.reply({ status: 200, afterMs: 5 })
      const { id } = await api.createWebhook({ url: receiver.url })
      await api.subscribe(id, '*')
      const client = connectRedis({ url: redis.url, prefix: '' }, waitForever, () => {}) as Redis
      const monitor = await client.monitor()
      const order: string[] = []
      monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
        const [, job] = /:(?:done|deliveries):([^:]{30,})$/.exec(key) ?? []
        const name = command.toLowerCase()
        if (job && ((name === 'set' && key.includes(':done:')) || name === 'del')) order.push(`${name} ${job}`)
      })

      const ids = await api.publish(Array.from({ length: 100 }, () => anEvent()))
      await receiver.request(100)
      await eventually(() => expect(order.filter((one) => one.startsWith('del '))).toHaveLength(ids.length))

      const ended = order.filter((one) => one.startsWith('del ')).map((one) => one.slice(4))
      for (const job of ended) expect(order.indexOf(`set ${job}`)).toBeLessThan(order.indexOf(`del ${job}`))
      expect(order.filter((one) => one.startsWith('set '))).toHaveLength(ids.length)
      monitor.disconnect()
      client.disconnect()
    })
  })
})
