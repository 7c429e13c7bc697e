import { describe, expect, it } from 'vitest'
import { createLogger } from '../../shared/logger.ts'
import { keepLog } from '../../services/status/retention.ts'

const dayMs = 24 * 3_600_000
const none = { events: 0, deliveries: 0, attempts: 0 }

/** A log that has so many pieces to forget, and notes what is asked of it. */
function aLog(pieces: number, logRetentionDays: number) {
  const asked: string[] = []
  let now = 1_000 * dayMs
  const retention = {
    prepare: async (at: number) => void asked.push(`prepare ${at / dayMs}`),
    prune: async (before: number) => {
      asked.push(`prune ${before / dayMs}`)
      return { ...none, events: 1, more: --pieces > 0 }
    },
  }
  const clock = { now: () => now }
  const chore = keepLog({ storage: { retention } as never, settings: { logRetentionDays }, clock, log: createLogger('test', 'silent') })
  const pass = (ms: number) => void (now += ms)
  return { asked, chore, pass }
}

describe('the log', () => {
  it('is looked through once an hour, a piece at each tick', async () => {
    const { asked, chore, pass } = aLog(3, 90)
    for (let tick = 0; tick < 6; tick++) await chore()
    expect(asked).toEqual(['prepare 1000', 'prune 910', 'prune 910', 'prune 910'])
    pass(3_599_999)
    await chore()
    expect(asked).toHaveLength(4)
    pass(1)
    await chore()
    expect(asked.slice(4)).toEqual([`prepare ${1_000 + 1 / 24}`, `prune ${910 + 1 / 24}`])
  })

  it('is kept for ever where that is asked for, and still has room made', async () => {
    const { asked, chore } = aLog(1, 0)
    await chore()
    await chore()
    expect(asked).toEqual(['prepare 1000'])
  })
})
