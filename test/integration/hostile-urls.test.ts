import { expect, it } from 'vitest'
import { fuzzUrls } from '../fuzz/urls.ts'

it('no hostile URL is saved, delivered to or followed to, by any of the ways to a connection', async () => {
  const report = await fuzzUrls()

  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ saved: 0, deniedConnects: 0, canaryConnects: 0 })
  expect(report.urls).toBeGreaterThan(600)
  expect(report.tries).toBeGreaterThan(2_500)
})
