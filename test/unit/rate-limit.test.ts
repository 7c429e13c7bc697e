import { describe, expect, it } from 'vitest'
import { createRateLimits } from '../../shared/http/rate-limit.ts'
import { Problem } from '../../shared/problem.ts'
import type { ApiKey } from '../../shared/storage/storage.ts'

const aKey = (members: Partial<ApiKey> = {}): ApiKey => ({
  id: 'key',
  organizationId: 'org',
  label: '',
  scopes: ['ingest'],
  createdAt: 0,
  expiresAt: null,
  lastUsedAt: null,
  rateLimit: null,
  ...members,
})

function limitsOf(perKey: number, perOrganization: number) {
  let now = 1_000_000
  const limits = createRateLimits('test', { perKey, perOrganization }, { now: () => now })
  const taken = (key: ApiKey, times: number): number => {
    let count = 0
    for (let i = 0; i < times; i++) {
      try {
        limits.takeKey(key)
        count++
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 })
      }
    }
    return count
  }
  return { limits, taken, forward: (ms: number) => void (now += ms) }
}

describe('a limit', () => {
  it('lets a second’s worth through at once, and then one by one', () => {
    const { taken, forward } = limitsOf(4, 100)

    expect(taken(aKey(), 6)).toBe(4)
    forward(249)
    expect(taken(aKey(), 5)).toBe(0)
    forward(1)
    expect(taken(aKey(), 5)).toBe(1)
    forward(500)
    expect(taken(aKey(), 5)).toBe(2)
    forward(60_000)
    expect(taken(aKey(), 10)).toBe(4)
  })

  it('does not give more when a clock is set back', () => {
    const { taken, forward } = limitsOf(4, 100)
    taken(aKey(), 4)

    forward(-10_000)
    expect(taken(aKey(), 5)).toBe(0)
    forward(250)
    expect(taken(aKey(), 5)).toBe(1)
  })

  it('is the one of the key where it has one', () => {
    const { taken } = limitsOf(3, 100)

    expect(taken(aKey({ rateLimit: 5 }), 10)).toBe(5)
  })

  it('holds for all keys of an organization together, and for no other organization', () => {
    const { taken, limits } = limitsOf(3, 4)

    expect(taken(aKey({ id: 'a' }), 10)).toBe(3)
    expect(taken(aKey({ id: 'b' }), 10)).toBe(1)
    expect(() => limits.takeOrganization('org')).toThrow(Problem)
    expect(taken(aKey({ id: 'c', organizationId: 'other' }), 10)).toBe(3)
  })

  it('is told in the headers of the draft', () => {
    const { taken, limits } = limitsOf(3, 4)
    taken(aKey(), 2)

    expect(limits.headers(aKey())).toEqual({ 'ratelimit-policy': '"key";q=3;w=1, "organization";q=4;w=1', ratelimit: '"key";r=1;t=1' })
  })
})
