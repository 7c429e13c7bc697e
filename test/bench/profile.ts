import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { throughStage } from './measure/pipeline.ts'
import { startSink } from './peers.ts'
import { nowUs } from './clock.ts'
import { openStage, type Stage } from './stage.ts'
import { flame, stagesOf, type StageTime } from './stages.ts'
import { webhooksAt } from './tidings.ts'
import { cpuUs } from './usage.ts'
import type { Scale } from './measure/with.ts'

type Frame = { functionName: string; url: string; lineNumber: number }
type Profile = {
  nodes: { id: number; callFrame: Frame; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
  /** Microseconds, of the clock of `nowUs`. */
  startTime: number
}
type Span = { from: number; to: number }
/** Microseconds of a delivery, by who used them. */
type Spent = Record<string, number>
type Profiled = { service: string; perDelivery: number; spent: Spent }
type Command = { command: string; calls: number; us: number }

/** Runs the pipeline under the profiler of each process, and says where the CPU time of one delivery goes. */
export async function profile({ quick, say }: Scale, json: boolean): Promise<string> {
  const count = quick ? 3_000 : 10_000
  const folder = await mkdtemp(join(tmpdir(), 'tidings-profile-'))
  const sink = await startSink()
  try {
    const stage = await openStage({ execArgv: (service) => ['--cpu-prof', '--cpu-prof-dir', join(folder, service)] })
    let commands: Command[]
    let used: Record<string, number>
    const span: Span = { from: 0, to: 0 }
    try {
      await stage.tidings.createWebhooks(webhooksAt(sink.url))
      await throughStage(stage, sink, 1_500)
      await stage.redisServer.ask('CONFIG', 'RESETSTAT')
      const before = stage.processes().map(cpuUs)
      span.from = nowUs()
      await throughStage(stage, sink, count)
      span.to = nowUs()
      used = Object.fromEntries(stage.processes().map((one, i) => [one.name, (cpuUs(one) - (before[i] as number)) / count]))
      commands = await commandsOf(stage, count)
    } finally {
      // a profile is written when its process ends
      await stage.stop()
    }
    say('reading the profiles')
    const services: Profiled[] = []
    for (const service of ['ingest', 'dispatcher', 'status'])
      services.push(await profiled(service, join(folder, service), span, used[service] ?? 0))
    const redis = { service: 'Redis', stage: 'BullMQ’s scripts, and ours', us: used['Redis'] ?? 0 }
    const stages = [...services.flatMap(({ service, spent }) => stagesOf(service, spent)), redis]
    return json ? JSON.stringify({ stages, services, commands }, null, 2) : describe(stages, services, commands)
  } finally {
    await sink.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function commandsOf({ redisServer }: Stage, count: number): Promise<Command[]> {
  const lines = (await redisServer.ask('INFO', 'commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)
  const commands = [...lines].map(([, command = '', calls, us]) => ({ command, calls: Number(calls) / count, us: Number(us) / count }))
  return commands.filter(({ us }) => us > 0.2).sort((a, b) => b.us - a.us)
}

/** A profiler counts the time that a thread waited for the processor as well: what it found is scaled to what was used. */
async function profiled(service: string, folder: string, span: Span, used: number): Promise<Profiled> {
  const spent: Spent = {}
  for (const file of await readdir(folder)) add(spent, JSON.parse(await readFile(join(folder, file), 'utf8')) as Profile, span)
  const found = Object.values(spent).reduce((sum, us) => sum + us, 0)
  for (const name of Object.keys(spent)) spent[name] = ((spent[name] ?? 0) / found) * used
  return { service, perDelivery: used, spent }
}

const idle = new Set(['(idle)', '(root)'])

function add(spent: Spent, { nodes, samples, timeDeltas, startTime }: Profile, { from, to }: Span): void {
  const owners = ownersOf(nodes)
  let at = startTime
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i] ?? 0
    const owner = owners.get(id)
    if (owner && at >= from && at <= to) spent[owner] = (spent[owner] ?? 0) + (timeDeltas[i] ?? 0)
  }
}

/** Time in Node's own code counts for the nearest file that called it. */
function ownersOf(nodes: Profile['nodes']): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const owners = new Map<number, string>()
  const visit = (id: number, from: string | undefined) => {
    const node = byId.get(id)
    if (!node) return
    const { callFrame: frame, children = [] } = node
    const own = ownerOf(frame) ?? from
    if (!idle.has(frame.functionName)) owners.set(id, own ?? 'node')
    for (const child of children) visit(child, own)
  }
  for (const { id, callFrame } of nodes) if (callFrame.functionName === '(root)') visit(id, undefined)
  return owners
}

function ownerOf({ functionName, url }: Frame): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collector'
  if (functionName === '(program)') return 'system calls'
  const module = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  return module ?? /dist\/((?:services|shared|infra)\/.*)\.js$/.exec(url)?.[1]
}

const smallest = 0.5

function describe(stages: StageTime[], services: Profiled[], commands: Command[]): string {
  const parts = services.map(({ service, perDelivery, spent }) => {
    const shown = Object.entries(spent).filter(([, us]) => us >= smallest)
    const lines = shown.sort((a, b) => b[1] - a[1]).map(([name, us]) => `  ${us.toFixed(1).padStart(7)}  ${name}`)
    return [`${service}: ${perDelivery.toFixed(0)} µs a delivery`, ...lines].join('\n')
  })
  const lines = commands.map(({ command, calls, us }) => `  ${us.toFixed(1).padStart(7)}  ${command}, ${calls.toFixed(2)} calls`)
  const note = 'commands inside of a script count twice: in it and by themselves'
  return [flame(stages), ...parts, [`Redis, µs a delivery (${note})`, ...lines].join('\n')].join('\n\n')
}
