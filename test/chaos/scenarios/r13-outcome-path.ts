import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRecorder } from '../../../services/status/record.ts'
import type { OutcomeEntry } from '../../../shared/contracts/delivery.ts'
import { createLogger } from '../../../shared/logger.ts'
import { connectRedis, waitForever } from '../../../shared/redis.ts'
import { openStorage } from '../../../shared/storage/open.ts'
import type { NewDelivery, Storage } from '../../../shared/storage/storage.ts'
import { encodeOutcome, keys, openBodies } from '../../../shared/transport.ts'
import type { Random } from '../../../infra/demo/random.ts'
import { anId, aWebhook, someTime } from '../../support/builders.ts'
import { eventually } from '../../support/eventually.ts'
import { aDelivery, anEnd, aStart } from '../../support/outcomes.ts'
import { startTestRedis, type TestRedis } from '../../support/redis.ts'
import { none, type Scenario, type Stage, type Verdict } from '../scenario.ts'

const prefix = '{tidings}'
const group = 'log'
const entriesAtOnce = 6

/** Where a status process can die while it moves a batch. */
const points = ['before the commit', 'between commit and acknowledgement', 'after the acknowledgement'] as const
type Point = (typeof points)[number]

/** None of these deliveries calls forth another. */
const queue = { add: async () => {} }

class Died extends Error {}

/** Everything that a recorder needs, and a death at the given point: its connection is gone and it does nothing more. */
function startMortal(server: TestRedis, storage: Storage, consumer: string, point: Point) {
  const target = { url: server.url, prefix }
  const redis = connectRedis(target, waitForever, () => {})
  const announce = connectRedis(target, waitForever, () => {})
  let died: () => void
  const death = new Promise<void>((resolve) => (died = resolve))
  const die = (): never => {
    redis.disconnect()
    announce.disconnect()
    died()
    throw new Died(point)
  }
  const record: Storage['deliveries']['record'] = async (entries, now, texts) => {
    if (point === 'before the commit' && entries.length > 0) die()
    const recorded = await storage.deliveries.record(entries, now, texts)
    if (point === 'between commit and acknowledgement' && entries.length > 0) die()
    return recorded
  }
  const bodies = { unlink: async () => (point === 'after the acknowledgement' ? die() : undefined) }
  const recorder = startRecorder({
    redis,
    prefix,
    storage: { ...storage, deliveries: { ...storage.deliveries, record } },
    bodies,
    queue,
    announce,
    consumer,
    clock: { now: () => Date.now() },
    log: createLogger('chaos', 'silent'),
  })
  return { death, bury: () => recorder.stop() }
}

/** What a dispatcher would tell: attempts that fail, and the last one of each delivery that succeeds. */
function tell(deliveries: NewDelivery[], random: Random): OutcomeEntry[] {
  return deliveries.flatMap((delivery) =>
    Array.from({ length: random.between(1, 3) }, (_, i, last = i === 2) => {
      const start = aStart(delivery, { at: someTime + i * 1_000 })
      return [start, anEnd(start, last ? 200 : 500, { step: i + 1 })]
    }).flat(),
  )
}

async function dieAgainAndAgain(deaths: number, { random }: Stage, server: TestRedis, storage: Storage) {
  const writer = connectRedis({ url: server.url, prefix }, waitForever, () => {})
  const told: OutcomeEntry[] = []
  const webhook = aWebhook()
  await storage.webhooks.create(webhook)
  const deliveries: NewDelivery[] = []
  const died: Record<string, number> = {}
  for (let n = 0; n < deaths; n++) {
    const made = Array.from({ length: entriesAtOnce / 2 }, () => aDelivery(anId(), webhook.id))
    deliveries.push(...made)
    await storage.deliveries.create(made, someTime)
    const entries = tell(made, random)
    told.push(...entries)
    const pipeline = writer.pipeline()
    for (const entry of entries) pipeline.xadd(keys(prefix).outcomes, '*', ...encodeOutcome(entry))
    await pipeline.exec()
    const point = random.pick(points)
    const mortal = startMortal(server, storage, `mortal-${n}`, point)
    await mortal.death
    died[point] = (died[point] ?? 0) + 1
    await mortal.bury()
  }
  return { writer, told, deliveries, died }
}

/** Takes over what the dead had taken, at once: only the time that it has to lie is turned forward. */
async function takeOver(server: TestRedis, storage: Storage, writer: ReturnType<typeof connectRedis>): Promise<void> {
  const { outcomes } = keys(prefix)
  const recorders = ['heir-1', 'heir-2'].map((consumer) => {
    const target = { url: server.url, prefix }
    const redis = connectRedis(target, waitForever, () => {})
    let now = Date.now()
    const clock = { now: () => (now += 20_000) }
    const announce = connectRedis(target, waitForever, () => {})
    const recorder = startRecorder({
      redis,
      prefix,
      storage,
      bodies: openBodies(announce, prefix),
      queue,
      announce,
      consumer,
      clock,
      log: createLogger('chaos', 'silent'),
    })
    return async () => {
      await recorder.stop()
      redis.disconnect()
      announce.disconnect()
    }
  })
  await eventually(async () => {
    const pending = (await writer.xpending(outcomes, group, '-', '+', 1_000)) as [id: string, consumer: string][]
    const ofTheDead = pending.filter(([, consumer]) => consumer.startsWith('mortal')).map(([id]) => id)
    if (ofTheDead.length > 0) await writer.call('XCLAIM', outcomes, group, 'mortal', '0', ...ofTheDead, 'IDLE', '20000', 'JUSTID')
    if ((await writer.xlen(outcomes)) > 0) throw new Error('outcomes are left')
  }, 120_000)
  for (const end of recorders) await end()
}

async function compare(storage: Storage, deliveries: NewDelivery[], told: OutcomeEntry[]) {
  const counts = { missing: 0, double: 0, wrong: 0, miscounted: 0, attempts: 0 }
  const finished = new Map(told.flatMap((entry) => (entry.kind === 'finished' ? [[entry.attemptId, entry]] : [])))
  const expected = new Map<string, { attemptId: string }[]>()
  for (const entry of finished.values()) expected.set(entry.deliveryId, [...(expected.get(entry.deliveryId) ?? []), entry])
  for (const { id } of deliveries) {
    const { delivery, attempts } = (await storage.deliveries.find('org', id)) ?? { delivery: undefined, attempts: [] }
    const wanted = expected.get(id) ?? []
    const ids = attempts.map((attempt) => attempt.id)
    counts.attempts += attempts.length
    counts.missing += wanted.filter(({ attemptId }) => !ids.includes(attemptId)).length
    counts.double += ids.length - new Set(ids).size + ids.filter((attemptId) => !finished.has(attemptId)).length
    counts.wrong += attempts.filter((attempt) => attempt.outcome !== finished.get(attempt.id)?.result.outcome).length
    counts.miscounted += Number(delivery?.attempts !== wanted.length)
  }
  return counts
}

async function run(stage: Stage): Promise<Verdict> {
  const deaths = stage.short ? 60 : 1_000
  const folder = await mkdtemp(join(tmpdir(), 'tidings-chaos-'))
  const server = await startTestRedis()
  const storage = await openStorage(`sqlite:${join(folder, 'tidings.db')}`)
  try {
    const { writer, told, deliveries, died } = await dieAgainAndAgain(deaths, stage, server, storage)
    await takeOver(server, storage, writer)
    writer.disconnect()
    const { attempts, ...found } = await compare(storage, deliveries, told)
    return {
      goals: [
        none('attempts missing', found.missing),
        none('attempts double', found.double),
        none('attempts with another outcome', found.wrong),
        none('deliveries with a wrong count of attempts', found.miscounted),
      ],
      figures: { deaths, died, outcomes: told.length, attempts },
    }
  } finally {
    await storage.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

export const outcomePath: Scenario = {
  name: 'R13',
  title: 'status dies between commit and acknowledgement',
  seconds: 1,
  shortSeconds: 1,
  run,
}
