import { expect, it } from 'vitest'
import { expectations, fuzzReceivers } from '../fuzz/receivers.ts'
import { hostile } from '../support/hostile.ts'

it('each hostile receiver is taken for what it is, within the deadline, and the right thing follows', async () => {
  expect(Object.keys(expectations)).toEqual(Object.keys(hostile))

  // a machine that is busy with something else may be late to look at the clock
  const report = await fuzzReceivers({ times: 1, deadlineMs: 700, lateMs: 3_000 })

  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ wrong: 0, late: 0, deliveries: Object.keys(hostile).length })
})
