import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { redisOptions, waitForever } from '../../shared/redis.ts'
import { eachRedis } from '../support/each-redis.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

/** The commands that we send ourselves, beside BullMQ's, on every Redis that Tidings may find on a machine. */
await eachRedis('understands our commands', (program) => {
  let redis: TestRedis
  let client: Redis

  beforeAll(async () => {
    redis = await startTestRedis(program)
    client = new Redis({ ...redisOptions(redis.url), ...waitForever })
    client.on('error', () => {})
  })
  afterAll(async () => {
    client.disconnect()
    await redis.stop()
  })

  it('delivers stream entries to a consumer group until they are acknowledged', async () => {
    await client.xgroup('CREATE', 'stream', 'group', '0', 'MKSTREAM')
    const id = (await client.xadd('stream', '*', 'o', 'news')) as string
    const read = (from: string) => client.xreadgroup('GROUP', 'group', 'me', 'COUNT', '10', 'STREAMS', 'stream', from)

    expect(await read('>')).toEqual([['stream', [[id, ['o', 'news']]]]])
    expect(await read('0')).toEqual([['stream', [[id, ['o', 'news']]]]])
    expect(await client.xack('stream', 'group', id)).toBe(1)
    expect(await read('0')).toEqual([['stream', []]])
    expect(await client.xdel('stream', id)).toBe(1)
    expect(await client.xlen('stream')).toBe(0)
  })

  it('hands entries of a consumer that is gone to another one', async () => {
    await client.xgroup('CREATE', 'left', 'group', '0', 'MKSTREAM')
    const id = (await client.xadd('left', '*', 'o', 'news')) as string
    await client.xreadgroup('GROUP', 'group', 'gone', 'STREAMS', 'left', '>')

    const [, claimed] = (await client.xautoclaim('left', 'group', 'heir', 0, '0')) as [string, unknown[]]

    expect(claimed).toEqual([[id, ['o', 'news']]])
  })

  it('wakes a reader that blocks on a stream', async () => {
    const reader = client.duplicate()
    await client.xgroup('CREATE', 'awake', 'group', '0', 'MKSTREAM')
    const entries = reader.xreadgroup('GROUP', 'group', 'me', 'BLOCK', 10_000, 'STREAMS', 'awake', '>')
    const id = await client.xadd('awake', '*', 'o', 'news')

    expect(await entries).toEqual([['awake', [[id, ['o', 'news']]]]])
    reader.disconnect()
  })

  it('does a transaction as a whole', async () => {
    const replies = await client.multi().xadd('multi', '*', 'o', 'finished').set('done:1', '1', 'EX', 60).exec()

    expect(replies?.map(([error]) => error)).toEqual([null, null])
    expect(await client.xlen('multi')).toBe(1)
    expect(await client.ttl('done:1')).toBeGreaterThan(50)
  })

  it('forgets a key when its time is over, and when it is told to', async () => {
    await client.set('brief', 'x', 'PX', 50)
    await client.set('kept', 'x', 'EX', 60)

    await expect.poll(() => client.get('brief')).toBeNull()
    expect(await client.set('kept', 'y', 'EX', 60, 'NX')).toBeNull()
    expect(await client.unlink('kept', 'absent')).toBe(1)
    expect(await client.get('kept')).toBeNull()
  })

  it('is emptied by a flush', async () => {
    await client.set('some', 'thing')

    await redis.flush()

    expect(await client.dbsize()).toBe(0)
  })

  it('is found again under the same address after it was killed', async () => {
    const before = redis.pid

    await redis.kill()
    await redis.restart()

    expect(redis.pid).not.toBe(before)
    expect(await client.ping()).toBe('PONG')
  })
})
