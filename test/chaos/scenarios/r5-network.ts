import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import type { Fault } from '../proxy.ts'
import { atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

const faults: Fault[] = [
  { kind: 'latency', ms: 300 },
  { kind: 'bandwidth', bytesPerSecond: 50_000 },
  { kind: 'slow_close', ms: 2_000 },
  { kind: 'timeout' },
  { kind: 'reset_peer', afterMs: 1_000 },
  { kind: 'slicer', bytes: 16, apartMs: 1 },
  { kind: 'limit_data', bytes: 20_000 },
  { kind: 'down' },
]
const disturbed = ['ingest-1', 'dispatcher-1', 'status-1']
const mostLines = 10

type Case = { link: string; fault: string; linesPerSecond: number; settledMs: number | undefined }

/** One fault on one link, and the time that it takes until all is delivered again. */
async function disturb(world: World, link: string, fault: Fault, ms: number): Promise<Case> {
  const lines = () => [...world.processes.values()].map((process) => process.lines())
  const before = lines()
  world.note(link, fault.kind)
  world.links.get(link)?.impose(fault)
  await pause(ms)
  world.links.get(link)?.clear()
  const most = Math.max(...lines().map((count, i) => count - (before[i] ?? 0)))
  const at = Date.now()
  const startedAt = performance.now()
  while ((await world.log.open(at)) > 0 && performance.now() - startedAt < 60_000) await pause(50)
  const settledMs = (await world.log.open(at)) > 0 ? undefined : performance.now() - startedAt
  return { link, fault: fault.kind, linesPerSecond: most / (ms / 1_000), settledMs }
}

async function run({ seconds, random, say }: Stage): Promise<Verdict> {
  const eachMs = Math.max(2_000, (seconds * 1_000) / (faults.length * disturbed.length))
  return withWorld(
    { dispatchers: 2, links: true, settings: { LOG_LEVEL: 'warn' }, random, sinks: { steady: steady(random) } },
    async (world) => {
      const client = world.publish({ perSecond: 30 })
      const cases: Case[] = []
      for (const link of disturbed) {
        for (const fault of faults) {
          const one = await disturb(world, link, fault, eachMs)
          cases.push(one)
          say(
            `${link} ${fault.kind}: ${one.linesPerSecond.toFixed(1)} lines/s, all delivered ${one.settledMs === undefined ? 'not within a minute' : `${Math.round(one.settledMs)} ms after`}`,
          )
        }
      }
      await client.stop()
      await world.settle(60_000)
      const found = await world.check(client)
      return {
        goals: [
          ...nothingLost(found),
          none('requests made again', found.duplicated),
          none('faults after which not all was delivered within a minute', cases.filter(({ settledMs }) => settledMs === undefined).length),
          atMost(
            'lines of log a second, of the loudest process',
            Math.max(...cases.map(({ linesPerSecond }) => linesPerSecond)),
            mostLines,
          ),
          none('processes that ended by themselves', world.crashes().length),
        ],
        figures: { ...figuresOf(found), eachMs, cases },
      }
    },
  )
}

export const network: Scenario = { name: 'R5', title: 'eight faults of the network on each link to Redis', seconds: 240, run }
