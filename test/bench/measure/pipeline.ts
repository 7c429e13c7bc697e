import { median, nowUs } from '../clock.ts'
import type { Bare, Sink } from '../peers.ts'
import { rowOfRounds, type Row } from '../row.ts'
import type { Stage } from '../stage.ts'
import { connections, usualEvent } from '../tidings.ts'
import { canMeasureUsage, cpuUs, type Processes } from '../usage.ts'
import { recorded } from './drain.ts'
import { warmUpOf, withBoth, type Scale } from './with.ts'

/** `each`: CPU time by what the processes are. */
type Sustained = { perSecond: number; cpu: number; each: Record<string, number> }

/** One event a request over many connections, until the last is queryable; and what it costs in CPU time, all in all. */
export async function pipeline({ quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const [count, warmUp] = [quick ? 3_000 : 10_000, warmUpOf(quick)]
  return withBoth({ deployment }, async ({ stage, sink, bare }) => {
    const [ours, peer]: [Sustained[], Sustained[]] = [[], []]
    await throughBare(bare, stage, sink, warmUp)
    await throughStage(stage, sink, warmUp)
    for (let n = 0; n < rounds; n++) {
      peer.push(await throughBare(bare, stage, sink, count))
      ours.push(await throughStage(stage, sink, count))
      say(`round ${n + 1} of ${rounds}: bare ${describe(peer.at(-1))}, Tidings ${describe(ours.at(-1))}`)
    }
    await checkLog(stage, warmUp + rounds * count)
    const rates = rowOfRounds(
      { name: 'pipeline', what: 'HTTP in → delivered → in the log', unit: '/s', peerName: 'bare' },
      ours.map((one) => one.perSecond),
      peer.map((one) => one.perSecond),
    )
    if (!canMeasureUsage) return [rates]
    const what = 'CPU of a delivery, all processes and Redis'
    const notes = `${byProcess(ours)}; bare, which has no HTTP in, no disk and no log: ${byProcess(peer)}`
    const cpu = rowOfRounds(
      { name: 'pipeline', what, unit: 'µs', peerName: 'bare', goal: { of: 'ratio', most: 2 }, notes },
      ours.map((one) => one.cpu),
      peer.map((one) => one.cpu),
    )
    return [rates, cpu]
  })
}

const byProcess = (list: Sustained[]) =>
  Object.keys(list[0]?.each ?? {})
    .map((name) => `${name} ${median(list.map(({ each }) => each[name] ?? 0)).toFixed(0)}`)
    .join(', ')

const describe = (one: Sustained | undefined) => `${one?.perSecond.toFixed(0)}/s at ${one?.cpu.toFixed(0)} µs`

async function throughBare(bare: Bare, stage: Stage, sink: Sink, count: number): Promise<Sustained> {
  const processes = [...bare.processes(), { name: 'Redis', pids: [stage.redisServer.pid] }]
  return sustained(count, processes, sink, () => bare.add(count, connections))
}

export async function throughStage(stage: Stage, sink: Sink, count: number): Promise<Sustained> {
  const { ingest, eventRequest } = stage.tidings
  return sustained(count, stage.processes(), sink, async () => {
    await ingest.closedLoop(count, () => eventRequest(usualEvent()))
    await sink.expect(count)
    await recorded(stage)
  })
}

async function sustained(count: number, processes: Processes[], sink: Sink, run: () => Promise<void>): Promise<Sustained> {
  await sink.reset()
  const used = () => processes.map((one) => (canMeasureUsage ? cpuUs(one) : 0))
  const before = used()
  const startedAt = nowUs()
  await run()
  await sink.expect(count)
  const us = nowUs() - startedAt
  const costs = used().map((total, i) => (total - (before[i] ?? 0)) / count)
  const each = Object.fromEntries(processes.map(({ name }, i) => [name, costs[i] ?? 0]))
  return { perSecond: count / (us / 1e6), cpu: costs.reduce((sum, one) => sum + one, 0), each }
}

/** What was counted at the sink must be what the log says. */
async function checkLog({ tidings }: Stage, count: number): Promise<void> {
  const filter = { field: 'status', op: 'eq', value: 'succeeded' }
  const answer = await tidings.ask<{ count: number }>('/webhook-deliveries/count', { filter })
  if (answer.count !== count) throw new Error(`${count} deliveries were made, and the log knows of ${answer.count}`)
}
