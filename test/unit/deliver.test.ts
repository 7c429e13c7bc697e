import { describe, expect, it } from 'vitest'
import { deliver, type AttemptJob, type DeliverDeps } from '../../services/dispatcher/deliver.ts'
import { holdPayloads } from '../../services/dispatcher/payloads.ts'
import type { Begun } from '../../services/dispatcher/report.ts'
import type { Outgoing } from '../../shared/http/send.ts'
import { openBatches } from '../../services/dispatcher/batches.ts'
import { createRoom } from '../../services/dispatcher/room.ts'
import type { OpenWebhook } from '../../services/dispatcher/webhooks.ts'
import type { OutcomeEntry, SendResult } from '../../shared/contracts/delivery.ts'
import { createLogger } from '../../shared/logger.ts'
import { anEnvelope, aWebhook, someTime } from '../support/builders.ts'
import { loadFormats, loadSchemes } from '../support/samples.ts'

const [formats, schemes] = await Promise.all([loadFormats(), loadSchemes()])
const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const event = { ...anEnvelope(), data: '{"n":1}' }
const job: AttemptJob = {
  deliveryId: 'd',
  eventId: event.id,
  webhookId: 'w',
  generation: 0,
  jobId: 'd.0',
  step: 1,
  attempts: 2,
  deaths: 0,
  backoff: { type: 'schedule', delays: [1_000], jitter: 0, honourRetryAfter: true },
}
const webhookWith = (members: Partial<OpenWebhook> = {}): OpenWebhook => ({
  ...aWebhook({ id: 'w' }),
  headers: {},
  formatSettings: {},
  secrets: [{ value: secret, expiresAt: null }],
  ...members,
})

/** Everything around one attempt, answering as told and remembering what it was asked. */
function around({
  deaths = 0,
  webhooks = [webhookWith()],
  begins,
  full = false,
  result = { outcome: 'succeeded', statusCode: 200, timings: { endMs: 1 } },
}: {
  deaths?: number
  webhooks?: (OpenWebhook | undefined)[]
  begins?: Begun[]
  /** Whether enough jobs are parked already. */
  full?: boolean
  result?: SendResult
} = {}) {
  const sent: Outgoing[] = []
  const told: { entry: OutcomeEntry; done: string | undefined }[] = []
  const begun: (OutcomeEntry | undefined)[] = []
  const held: OutcomeEntry[] = []
  const versions: string[] = []
  let registry = 1
  const answers = begins ?? [{ kind: 'begun', events: [event] }]
  const deps: DeliverDeps = {
    webhooks: {
      load: async (_id, version) => {
        versions.push(version)
        return webhooks.length > 1 ? webhooks.shift() : webhooks[0]
      },
    },
    payloads: holdPayloads({ events: { load: async () => undefined } as never }, formats),
    schemes,
    report: {
      registry: () => String(registry),
      begin: async ({ entries }) => {
        begun.push(entries[0])
        const answer = answers.shift() as Begun
        if (answer.kind === 'stale') registry++
        return answer
      },
      finish: ({ entries, done, job: { jobId } }) => {
        for (const entry of entries) told.push({ entry, done: done ? jobId : undefined })
        return { sent: Promise.resolve(), freed: Promise.resolve([]) }
      },
      hold: async (_job, entries) => {
        if (full) held.push(...entries)
        return full
      },
    },
    batches: openBatches({ deliveries: {} as never }),
    directory: { lookUp: async () => [] },
    room: createRoom(),
    slots: () => 2,
    sender: {
      send: async (outgoing) => {
        sent.push(outgoing)
        return result
      },
      close: async () => {},
    },
    clock: { now: () => someTime },
    random: () => 0,
    log: createLogger('test', 'silent'),
  }
  const run = (members: Partial<AttemptJob> = {}) => deliver({ ...job, deaths, ...members }, deps, new AbortController().signal)
  return { deps, sent, told, begun, held, versions, run }
}

describe('one attempt of a delivery', () => {
  it('is reported as succeeded together with the mark that ends its job', async () => {
    const { run, sent, told } = around()

    expect(await run()).toMatchObject({ kind: 'complete' })
    expect(sent).toHaveLength(1)
    expect(told).toMatchObject([{ done: 'd.0', entry: { kind: 'finished', state: 'succeeded', nextAttemptAt: null, step: 1 } }])
  })

  it('that was refused is due again when the schedule says, and reported before the queue hears of it', async () => {
    const { run, told } = around({ result: { outcome: 'rejected', statusCode: 500, timings: { endMs: 1 } } })

    expect(await run()).toMatchObject({ kind: 'retry', delayMs: 1_000 })
    expect(told).toMatchObject([{ done: undefined, entry: { state: 'retrying', nextAttemptAt: someTime + 1_000 } }])
  })

  it('has no job any more where the next attempt is more than ten minutes away', async () => {
    const refused: SendResult = { outcome: 'rejected', statusCode: 500, timings: { endMs: 1 } }
    const after = async (seconds: number) => {
      const { run, told } = around({ result: refused })
      const next = await run({ backoff: { ...job.backoff, type: 'schedule', delays: [seconds * 1_000] } })
      expect(told).toMatchObject([{ done: undefined, entry: { state: 'retrying', nextAttemptAt: someTime + seconds * 1_000 } }])
      return next
    }

    expect(await after(600)).toMatchObject({ kind: 'retry', delayMs: 600_000 })
    expect(await after(601)).toMatchObject({ kind: 'complete' })
  })

  it('waits in Redis while few do so for its webhook, then in SQL; in a lane always in Redis', async () => {
    const none: Begun = { kind: 'closed' }

    expect(await around({ begins: [none] }).run()).toMatchObject({ kind: 'park' })
    const { run, held, sent, told, begun } = around({ begins: [none, { kind: 'full' }], full: true })
    expect(await run({ step: 3 })).toEqual({ kind: 'complete' })
    expect(held).toEqual([{ kind: 'held', deliveryId: 'd', webhookId: 'w', generation: 0, step: 2, at: someTime }])
    expect(await run({ lane: 'w' })).toMatchObject({ kind: 'park' })
    expect(held).toHaveLength(1)
    expect([sent, told, begun.length]).toEqual([[], [], 2])
  })

  it('is not made once more when five dispatchers have died over it', async () => {
    const { run, sent, told } = around({ deaths: 5 })

    expect(await run()).toMatchObject({ kind: 'complete' })
    expect(sent).toEqual([])
    expect(told).toMatchObject([{ entry: { kind: 'cancelled', reason: 'set aside: 5 dispatchers died in the midst of it' } }])
  })

  it('is not made when its job was done before', async () => {
    const { run, sent, told } = around({ begins: [{ kind: 'done', free: [] }] })

    expect(await run()).toMatchObject({ kind: 'complete' })
    expect([sent, told]).toEqual([[], []])
  })

  it('goes to where the webhook points now, when the registry has moved on', async () => {
    const webhooks = [webhookWith({ url: 'https://old.example.com/' }), webhookWith({ url: 'https://new.example.com/' })]
    const { run, sent, versions } = around({ webhooks, begins: [{ kind: 'stale' }, { kind: 'begun', events: [event] }] })

    await run()

    expect(versions).toEqual(['1', '2'])
    expect(sent.map(({ url }) => url)).toEqual(['https://new.example.com/'])
  })

  it.each([
    [undefined, 'the webhook was removed'],
    [webhookWith({ active: false }), 'the webhook is not active'],
    [webhookWith({ active: false, disabledReason: 'gone' }), 'the webhook is disabled: gone'],
  ])('is neither made nor noted as begun when there is nobody to send to', async (webhook, reason) => {
    const { run, sent, told, begun } = around({ webhooks: [webhook] })

    expect(await run()).toMatchObject({ kind: 'complete' })
    expect([sent, begun]).toEqual([[], [undefined]])
    expect(told).toMatchObject([{ entry: { kind: 'cancelled', reason } }])
  })

  it('fails with the reason in the log, and does not go round for ever, when its request cannot be made', async () => {
    const { run, sent, told } = around({ webhooks: [webhookWith({ secrets: [] })] })

    expect(await run()).toMatchObject({ kind: 'give up' })
    expect(sent).toEqual([])
    expect(told).toMatchObject([{ entry: { state: 'failed', result: { error: expect.stringContaining('could not be made') } } }])
  })

  it('keeps the headers that carry meaning from being replaced by custom ones, and hides those in the log', async () => {
    const { run, sent, told } = around({ webhooks: [webhookWith({ headers: { authorization: 'Bearer x', 'webhook-id': 'forged' } })] })

    await run()

    expect(sent[0]?.headers).toMatchObject({ authorization: 'Bearer x', 'webhook-id': event.id })
    expect(told[0]?.entry).toMatchObject({ request: { headers: { authorization: '[hidden]', 'webhook-id': event.id } } })
  })

  it('is signed with every secret that is in force, and with none that has expired', async () => {
    const former = `whsec_${Buffer.alloc(32, 2).toString('base64')}`
    const expired = `whsec_${Buffer.alloc(32, 3).toString('base64')}`
    const secrets = [
      { value: secret, expiresAt: null },
      { value: former, expiresAt: someTime + 1 },
      { value: expired, expiresAt: someTime },
    ]
    const { run, sent } = around({ webhooks: [webhookWith({ secrets })] })

    await run()

    expect(sent[0]?.headers['webhook-signature']?.split(' ')).toHaveLength(2)
  })
})
