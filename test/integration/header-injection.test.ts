import { expect, it } from 'vitest'
import { fuzzHeaders } from '../fuzz/headers.ts'

it('1,000 sets of headers: what is taken is sent as these lines and no more, and replaces none of ours', async () => {
  const report = await fuzzHeaders({ cases: 1_000, seed: 1 })

  expect(report).toMatchObject({ extraLines: 0, overridden: 0, findings: [] })
  // some of each: headers that are taken, and headers that are not
  expect(report.taken).toBeGreaterThan(50)
  expect(report.taken).toBeLessThan(900)
})
