import { describe, expect, it } from 'vitest'
import { flame, stagesOf } from '../bench/stages.ts'

describe('where the time of a delivery goes', () => {
  it('is told by stages that leave nothing out', () => {
    const spent = { zod: 5, hono: 7, 'shared/http/json': 1, 'better-sqlite3': 20, node: 3, 'garbage collector': 4, 'some-library': 2 }

    const stages = stagesOf('ingest', spent)

    expect(Object.fromEntries(stages.map(({ stage, us }) => [stage, us]))).toMatchObject({
      'reading and checking the event': 6,
      'HTTP in, 202 out; key, limits, metrics': 7,
      'SQLite: event and delivery': 20,
      'Node, garbage collection': 7,
      'all else': 2,
    })
    expect(stages.reduce((sum, { us }) => sum + us, 0)).toBe(42)
  })

  it('is drawn as long as it takes, with the name of a service once', () => {
    const lines = flame([
      { service: 'ingest', stage: 'in', us: 40 },
      { service: 'ingest', stage: 'out', us: 2 },
    ]).split('\n')

    expect(lines).toEqual(['ingest     in     40 ████', '           out     2 █'])
  })
})
