import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeHealth } from '../../services/status/health.ts'
import { someTime } from '../support/builders.ts'

const dayMs = 86_400_000
const failedFor = (days: number, warnings = 0) => ({ failingSince: someTime, lastFailedAt: someTime + days * dayMs, warnings })

describe('a webhook that has only failed', () => {
  it.each([
    [0, { kind: 'none' }],
    [0.9, { kind: 'none' }],
    [1, { kind: 'warn', warnings: 1 }],
    [3.5, { kind: 'warn', warnings: 2 }],
    [4.9, { kind: 'warn', warnings: 3 }],
    [5, { kind: 'disable', reason: 'nothing but failures for 5 days' }],
  ])('for %d of 5 days', (days, decision) => {
    expect(judgeHealth(failedFor(days), 5)).toEqual(decision)
  })

  it('is warned of once at each stage', () => {
    expect(judgeHealth(failedFor(1.5, 1), 5)).toEqual({ kind: 'none' })
    expect(judgeHealth(failedFor(3, 1), 5)).toEqual({ kind: 'warn', warnings: 2 })
  })

  it('is left alone where nothing is ever switched off', () => {
    expect(judgeHealth(failedFor(400), 0)).toEqual({ kind: 'none' })
  })

  it('has not failed while nothing was tried', () => {
    expect(judgeHealth({ failingSince: someTime, lastFailedAt: someTime, warnings: 0 }, 5)).toEqual({ kind: 'none' })
    expect(judgeHealth({ failingSince: null, lastFailedAt: someTime, warnings: 0 }, 5)).toEqual({ kind: 'none' })
  })

  it('is never switched off before its time, nor kept after it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 30, noNaN: true }), fc.integer({ min: 1, max: 20 }), (days, limit) => {
        expect(judgeHealth(failedFor(days, 3), limit).kind === 'disable').toBe(days / limit >= 1)
      }),
    )
  })
})
