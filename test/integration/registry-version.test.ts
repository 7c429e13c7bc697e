import { beforeEach, describe, expect, it } from 'vitest'
import { openReport, type Report } from '../../services/dispatcher/report.ts'
import { jobId } from '../../shared/id.ts'
import { announceRegistry } from '../../shared/transport.ts'
import { anId } from '../support/builders.ts'
import { aDelivery, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
let report: Report

beforeEach(() => {
  const { connect, target, log } = parts()
  const retell = { keep: () => {}, unsure: () => undefined }
  report = openReport(connect(), target.prefix, retell, { breakerFailures: 5, breakerOpenMs: 10_000 }, log)
})

/** An attempt for a webhook of its own, with a copy of it that is as new as what Redis has told so far. */
async function begin(version = report.registry()): Promise<string> {
  const delivery = aDelivery(anId(), anId())
  const job = { jobId: jobId(delivery.id, 0), webhookId: delivery.webhookId, eventId: delivery.eventId }
  const { kind } = await report.begin({
    job,
    wanted: [],
    version,
    entries: [aStart(delivery)],
    limits: { cap: 5, rate: 0, leaseMs: 35_000 },
  })
  return kind
}
const announce = () => announceRegistry(parts().redis, parts().target.prefix)

describe("the registry's version, as a dispatcher knows it", () => {
  it('is told once, and holds for webhooks that it meets afterwards', async () => {
    await announce()

    expect(await begin()).toBe('stale')
    expect(await begin()).toBe('begun')
    expect(await begin()).toBe('begun')
  })

  it('is told anew when the registry has changed, and when Redis has forgotten it', async () => {
    await announce()
    await begin()
    const before = report.registry()

    await announce()
    expect(await begin()).toBe('stale')
    expect(await begin()).toBe('begun')
    expect(await begin(before)).toBe('stale')
    expect(await begin()).toBe('begun')

    await parts().redis.del(parts().key.registry)
    expect(await begin()).toBe('stale')
    expect(report.registry()).toBe('0')
    expect(await begin()).toBe('begun')
  })
})
