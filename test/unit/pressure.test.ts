import { describe, expect, it } from 'vitest'
import { fullest, judgeLoad } from '../../services/ingest/pressure.ts'

const calm = { hold: false }
const mib = 1_048_576

describe('whether events are accepted', () => {
  it.each([
    ['nothing is known', {}, undefined],
    ['Redis has no limit', { redisUsed: 9e9, redisLimit: 0 }, undefined],
    ['Redis has room', { redisUsed: 70, redisLimit: 100 }, undefined],
    ['Redis is three quarters full', { redisUsed: 75, redisLimit: 100 }, 'the queue is nearly full'],
    ['the log keeps up', { outcomes: 99_999 }, undefined],
    ['the log is behind', { outcomes: 100_000 }, 'the log is behind with what was delivered'],
    ['the disk has room', { diskFree: 64 * mib }, undefined],
    ['the disk is nearly full', { diskFree: 64 * mib - 1 }, 'the disk is nearly full'],
  ])('when %s', (_, load, refuse) => {
    expect(judgeLoad(load, calm).refuse).toBe(refuse)
  })

  it('is taken back only when there is clearly room again', () => {
    const full = judgeLoad({ redisUsed: 80, redisLimit: 100 }, calm)
    expect(judgeLoad({ redisUsed: 70, redisLimit: 100 }, full)).toEqual(full)
    expect(judgeLoad({ redisUsed: 64, redisLimit: 100 }, full)).toEqual({ hold: false })

    const behind = judgeLoad({ outcomes: 100_000 }, calm)
    expect(judgeLoad({ outcomes: 60_000 }, behind).refuse).toBeDefined()
    expect(judgeLoad({ outcomes: 49_999 }, behind).refuse).toBeUndefined()
  })

  it('holds the relay back for a full Redis alone', () => {
    expect(judgeLoad({ redisUsed: 75, redisLimit: 100 }, calm).hold).toBe(true)
    expect(judgeLoad({ outcomes: 200_000, diskFree: 0 }, calm).hold).toBe(false)
  })
})

describe('of several servers', () => {
  const server = (used: number, limit: number) => `used_memory:${used}\r\nmaxmemory:${limit}\r\n`

  it('the fullest counts', () => {
    expect(fullest([server(10, 100), server(80, 100), server(900, 10_000)])).toEqual({ redisUsed: 80, redisLimit: 100 })
  })

  it('one without a limit is never full', () => {
    expect(fullest([server(5_000, 0), server(10, 100)])).toEqual({ redisUsed: 10, redisLimit: 100 })
  })

  it('nothing is known where none answers', () => {
    expect(fullest([])).toEqual({})
  })
})
