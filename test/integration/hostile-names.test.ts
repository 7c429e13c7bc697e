import { expect, it } from 'vitest'
import { fuzzNames } from '../fuzz/names.ts'

it('no name leads to an address that is denied, whatever its name server says, and when', async () => {
  const report = await fuzzNames({ alternations: 100, seed: 1, lookupTimeoutMs: 300 })

  expect(report.findings).toEqual([])
  expect(report.deniedConnects ?? 0).toBe(0)
  // each second one of the alternations, a thousand good addresses, and one that was answered twice
  expect(report.allowedConnects).toBe(52)
})
