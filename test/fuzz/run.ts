import { hash } from 'node:crypto'
import { createRandom } from '../../infra/demo/random.ts'
import { maybe } from './chance.ts'
import { createCase, type Case } from './cases.ts'
import { setStage, type Staged } from './stage.ts'
import { startTarget, type Target } from './target.ts'
import { createTally, judge, miss, reportOf, type Report, type Tally } from './verdict.ts'
import { createWire, type Reply, type Wire } from './wire.ts'

export type FuzzOptions = {
  requests: number
  seed: number
  /** Number of the first request, to repeat one that was reported. */
  from?: number
  /** The run ends after this, however many requests are left, and says so. */
  withinSeconds?: number
  onProgress?: (done: number) => void
}

const together = 8
/** Caches fill, code is compiled: what is measured is what comes after. */
const warmUp = 0.3
const patienceMs = 10_000
const incompleteMs = 80
const restoreEvery = 400

/** Sends a real gateway what nobody should send, and counts what it makes of it. */
export async function fuzz(options: FuzzOptions): Promise<Report> {
  const started = performance.now()
  const target = await startTarget()
  try {
    const staged = await setStage(target)
    const tally = createTally()
    const first = options.from ?? 0
    const middle = first + Math.floor(options.requests * warmUp)
    await send(target, staged, tally, options, first, middle)
    const before = await target.memory()
    await send(target, staged, tally, options, middle, first + options.requests)
    if (tally.requests < options.requests && target.isAlive())
      tally.missed['requests that there was no time for'] = options.requests - tally.requests
    const after = target.isAlive() ? await target.memory() : undefined
    const seconds = (performance.now() - started) / 1_000
    return reportOf(tally, { seed: options.seed, seconds, alive: target.isAlive(), complaints: target.complaints(), before, after })
  } finally {
    await target.stop()
  }
}

async function send(target: Target, staged: Staged, tally: Tally, options: FuzzOptions, from: number, to: number): Promise<void> {
  const deadline = performance.now() + (options.withinSeconds ?? 3_600) * 1_000
  const doors = staged.templates.filter(({ accepts }) => accepts)
  let next = from
  let restoring: Promise<void> = Promise.resolve()
  async function work(): Promise<void> {
    const [wire, reader] = [createWire(target.port), createWire(target.port)]
    while (next < to && target.isAlive() && performance.now() < deadline) {
      const number = next++
      if (number % restoreEvery === restoreEvery - 1) restoring = restoring.then(() => staged.restore())
      await one(number, wire, reader)
      if (number % 1_000 === 0) options.onProgress?.(tally.requests)
    }
    wire.drop()
    reader.drop()
  }
  async function one(number: number, wire: Wire, reader: Wire): Promise<void> {
    // each request has a seed of its own, so that it is the same whatever was sent before
    const random = createRandom((options.seed * 1_000_003 + number) >>> 0)
    const made = createCase(random.pick(maybe(random, 0.4) ? doors : staged.templates), staged.stage, random, Date.now())
    const exchange = await wire.exchange(made.bytes, made.incomplete ? incompleteMs : patienceMs, made.isHead)
    if (made.incomplete || exchange.replies.length !== 1) wire.drop()
    if (target.isAlive()) judge(tally, number, made, exchange)
    const [reply] = exchange.replies
    if (made.events && reply && reply.status >= 200 && reply.status < 300) await compare(number, made, made.events, reply, reader)
  }
  async function compare(number: number, made: Case, events: Buffer[], reply: Reply, reader: Wire): Promise<void> {
    const accepted = (JSON.parse(reply.body.toString()) as { events?: { id: string; duplicate: boolean }[] }).events
    if (!accepted) return
    tally.accepted += accepted.length
    const isOurs = made.route === 'POST /events'
    for (const [index, { id, duplicate }] of accepted.entries()) {
      const raw = await rawOf(id, reader)
      tally.compared++
      // a catalog may wrap its events: the bytes are then those of a part
      const isAsSent = raw && (isOurs ? events[index]?.equals(raw) : made.bytes.includes(raw))
      const found = raw && hash('sha256', raw)
      const first = tally.stored.get(id) ?? found
      if (first) tally.stored.set(id, first)
      // a catalog's event may come again with other bytes, and is then the first one still
      const isRight = found === first && (isAsSent || (raw && duplicate && !isOurs))
      if (!isRight) miss(tally, 'a stored body that differs', number, made, reply)
    }
  }
  async function rawOf(id: string, reader: Wire): Promise<Buffer | undefined> {
    const request = `GET /events/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${staged.stage.key}\r\n\r\n`
    const [reply] = (await reader.exchange(Buffer.from(request), patienceMs)).replies
    return reply?.status === 200 ? Buffer.from((JSON.parse(reply.body.toString()) as { raw: string }).raw, 'base64') : undefined
  }
  await Promise.all(Array.from({ length: together }, work))
  await restoring
}
