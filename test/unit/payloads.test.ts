import { describe, expect, it } from 'vitest'
import { holdPayloads } from '../../services/dispatcher/payloads.ts'
import { anEnvelope } from '../support/builders.ts'
import { loadFormats } from '../support/samples.ts'

const formats = await loadFormats()
const event = { ...anEnvelope(), data: '{"n":1}' }

describe('the events that a dispatcher holds', () => {
  it('stay as long as somebody wants them at about the same time, and are asked of SQL after that', async () => {
    let now = 5_000
    const loads: string[] = []
    const load = async (id: string) => {
      loads.push(id)
      return undefined
    }
    const payloads = holdPayloads({ events: { load } as never }, formats, { now: () => now })
    await payloads.hold(event.id, event)

    for (let times = 0; times < 3; times++) {
      now += 900
      expect(payloads.held(event.id)).toBe(event)
    }
    now += 1_100

    expect(payloads.held(event.id)).toBeUndefined()
    expect(await payloads.hold(event.id, undefined)).toBeUndefined()
    expect(loads).toEqual([event.id])
  })
})
