import { describe, expect, it } from 'vitest'
import { workWhileTrusted } from '../../services/dispatcher/trusted.ts'
import { judgeClock, judgeLoop, skewOf } from '../../shared/watch.ts'

describe('a clock against that of Redis', () => {
  it.each([
    ['the same', { before: 1_000, redis: 1_000, after: 1_000 }, 0],
    ['ahead', { before: 61_000, redis: 1_000, after: 61_000 }, 60_000],
    ['behind', { before: 1_000, redis: 61_000, after: 1_000 }, -60_000],
    ['not to be told, as the answer took long', { before: 1_000, redis: 4_000, after: 9_000 }, 0],
    ['ahead by more than the answer took', { before: 10_000, redis: 1_000, after: 12_000 }, 9_000],
  ])('is %s', (_, asked, expected) => expect(Math.abs(skewOf(asked) - expected)).toBe(0))

  it.each([
    [undefined, 'ok', false],
    [0, 'ok', true],
    [2_000, 'ok', true],
    [-2_001, '2.0 s behind Redis: set the clock of this machine', true],
    [30_000, '30.0 s ahead of Redis: set the clock of this machine', true],
    [30_001, '30.0 s ahead of Redis: set the clock of this machine', false],
    [-3_600_000, '3600.0 s behind Redis: set the clock of this machine', false],
  ])('by %s ms is judged', (skew, state, trusted) => expect(judgeClock(skew)).toEqual({ state, trusted }))
})

describe('an event loop', () => {
  it('is well while it turns, and after a short standstill', () => {
    expect(judgeLoop(undefined)).toBe('ok')
    expect(judgeLoop({ ms: 4_999, endedAgoMs: 0 })).toBe('ok')
  })

  it('is unwell after a long standstill, for a while', () => {
    expect(judgeLoop({ ms: 20_000, endedAgoMs: 3_000 })).toBe('stood still for 20.0 s, until 3 s ago')
    expect(judgeLoop({ ms: 20_000, endedAgoMs: 30_001 })).toBe('ok')
  })
})

describe('a worker that works while the clock is trusted', () => {
  function aWorker() {
    const did: string[] = []
    let change: (trusted: boolean) => void = () => {}
    const start = () => {
      did.push('start')
      return {
        isRunning: () => true,
        pause: async () => void did.push('pause'),
        resume: () => void did.push('resume'),
        stop: async () => void did.push('stop'),
      }
    }
    const worker = workWhileTrusted({ whenTrusted: (changed) => void (change = changed) }, start)
    return { did, worker, change: (trusted: boolean) => change(trusted) }
  }

  it('does not work before the clock was measured', async () => {
    const { did, worker } = aWorker()
    expect(worker.isRunning()).toBe(false)
    await worker.stop()
    expect(did).toEqual([])
  })

  it('ends when the clock goes wrong, and works again when it is mended', async () => {
    const { did, worker, change } = aWorker()
    change(true)
    change(true)
    change(false)
    change(true)
    await new Promise(setImmediate)
    await worker.stop()
    expect(did).toEqual(['start', 'stop', 'start', 'stop'])
  })

  it('stays paused over an end of its worker', async () => {
    const { did, worker, change } = aWorker()
    await worker.pause()
    change(true)
    await new Promise(setImmediate)
    worker.resume()
    await worker.stop()
    expect(did).toEqual(['start', 'pause', 'resume', 'stop'])
  })

  it('starts nothing once it was asked to end', async () => {
    const { did, worker, change } = aWorker()
    await worker.stop()
    change(true)
    await worker.stop()
    expect(did).toEqual([])
  })
})
