import { describe, expect, it } from 'vitest'
import { startRetell, type Retell } from '../../services/dispatcher/retell.ts'
import { createLogger } from '../../shared/logger.ts'
import { eventually } from '../support/eventually.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
const self = 'a-dispatcher'

/** One that has looked once, so that it knows what it will find. */
async function started(): Promise<Retell> {
  const { connect, target, ending, redis, key } = parts()
  const retell = startRetell(connect(), target.prefix, self, 1, createLogger('test', 'silent'))
  ending({ stop: async () => retell.stop() })
  await eventually(async () => expect(Number(await redis.get(key.dispatcher(self)))).toBeGreaterThan(0))
  return retell
}
const told = { text: '{"kind":"finished"}', done: 'job-0' }
const outcomes = async () => (await parts().redis.xrange(parts().key.outcomes, '-', '+')).map(([, [, text]]) => text)
const isTold = () =>
  eventually(async () => {
    expect(await outcomes()).toContain(told.text)
    expect(await parts().redis.get(parts().key.done('job-0'))).toBe('1')
  })
/** So many looks later. */
async function looked(times: number): Promise<void> {
  const { redis, key } = parts()
  const before = Number(await redis.get(key.dispatcher(self)))
  await eventually(async () => expect(Number(await redis.get(key.dispatcher(self)))).toBeGreaterThanOrEqual(before + times), 10_000)
}

describe('what was told lately', () => {
  it('is told again, with the mark of the finished job, when Redis was wiped', async () => {
    const retell = await started()
    retell.keep(told)
    await looked(1)
    expect(await outcomes()).toEqual([])

    await parts().server.flush()

    await isTold()
  })

  it('is told again when Redis is what it was some time ago', async () => {
    const { redis, key } = parts()
    const retell = await started()
    retell.keep(told)
    await looked(2)

    await redis.set(key.dispatcher(self), '1')

    await isTold()
  })

  it('is told again by the run of a server that came after another, before anything else is begun', async () => {
    const retell = await started()
    retell.keep(told)
    await looked(1)
    expect(retell.unsure()).toBeUndefined()

    await parts().server.kill()
    await eventually(() => expect(retell.unsure()).toBeDefined())
    const unsure = retell.unsure()
    await parts().server.restart()
    await unsure

    expect(await outcomes()).toContain(told.text)
    expect(await parts().redis.get(parts().key.done('job-0'))).toBe('1')
    expect(retell.unsure()).toBeUndefined()
  })

  it('keeps attempts from beginning no longer than until the server takes writes again', async () => {
    const { server, redis } = parts()
    const retell = await started()
    await server.ask('REPLICAOF', '127.0.0.1', '1')
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await eventually(() => expect(retell.unsure()).toBeDefined())
    const unsure = retell.unsure()

    await server.ask('REPLICAOF', 'NO', 'ONE')

    await unsure
    expect(retell.unsure()).toBeUndefined()
  })

  it('is not told again when the connection alone was lost', async () => {
    const { redis } = parts()
    const retell = await started()
    retell.keep(told)
    await looked(1)

    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await looked(2)

    expect(retell.unsure()).toBeUndefined()
    expect(await outcomes()).toEqual([])
  })
})
