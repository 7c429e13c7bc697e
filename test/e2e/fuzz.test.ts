import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fuzz } from '../fuzz/run.ts'
import { keepSlowly, timeHealthy, quantile } from '../fuzz/slow-clients.ts'
import { startTarget, type Target } from '../fuzz/target.ts'

describe('5,000 requests that nobody should send', () => {
  it('break nothing, get in nowhere, and what is accepted of them is kept to the byte', async () => {
    const report = await fuzz({ requests: 5_000, seed: 1 })

    expect(report.misses, JSON.stringify(report.misses, null, 2)).toEqual([])
    expect(report.complaints).toEqual([])
    expect(report).toMatchObject({ requests: 5_000, fiveHundreds: 0, crashes: 0, missed: {} })
    expect(report.heapGrowthMiB).toBeLessThanOrEqual(5)
    // all of it came to be tried
    expect(report.compared).toBeGreaterThan(20)
    expect(report.tricks).toBeGreaterThan(50)
    for (const status of [200, 201, 202, 400, 401, 404, 405, 422, 431]) expect(report.answers[status], `${status}`).toBeGreaterThan(0)
  })
})

describe('slow clients', () => {
  let target: Target
  beforeAll(async () => {
    target = await startTarget()
  })
  afterAll(() => target.stop())

  it('are gone within 10 seconds, however they are slow, and nobody else notices', async () => {
    const { port, key } = target
    const before = await target.descriptors()
    let slow = true
    const healthy = timeHealthy({ port, key, until: () => !slow })

    const lives = await keepSlowly({ port, key, each: 50, withinMs: 15_000 })
    slow = false

    for (const [slowness, times] of Object.entries(lives)) expect(Math.max(...times), slowness).toBeLessThan(10_000)
    expect(quantile(await healthy, 0.99)).toBeLessThan(1_000)
    if (before !== undefined) await expect.poll(() => target.descriptors(), { timeout: 10_000 }).toBeLessThanOrEqual(before + 2)
    expect(target.complaints()).toEqual([])
  })
})
