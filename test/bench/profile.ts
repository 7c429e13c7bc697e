import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { throughStage } from './measure/pipeline.ts'
import { startSink } from './peers.ts'
import { openStage, type Stage } from './stage.ts'
import { webhooksAt } from './tidings.ts'
import type { Scale } from './measure/with.ts'

type Frame = { functionName: string; url: string; lineNumber: number }
type Profile = {
  nodes: { id: number; callFrame: Frame; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}
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
    try {
      await stage.tidings.createWebhooks(webhooksAt(sink.url))
      await throughStage(stage, sink, 1_500)
      await stage.redisServer.ask('CONFIG', 'RESETSTAT')
      await throughStage(stage, sink, count)
      commands = await commandsOf(stage, count)
    } finally {
      // a profile is written when its process ends
      await stage.stop()
    }
    say('reading the profiles')
    const services: Profiled[] = []
    for (const service of await readdir(folder)) services.push(await profiled(service, join(folder, service), count + 1_500))
    return json ? JSON.stringify({ services, commands }, null, 2) : describe(services, commands)
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

async function profiled(service: string, folder: string, deliveries: number): Promise<Profiled> {
  const spent: Spent = {}
  for (const file of await readdir(folder)) add(spent, JSON.parse(await readFile(join(folder, file), 'utf8')) as Profile)
  for (const name of Object.keys(spent)) spent[name] = (spent[name] ?? 0) / deliveries
  return { service, perDelivery: Object.values(spent).reduce((sum, us) => sum + us, 0), spent }
}

const idle = new Set(['(idle)', '(root)'])

function add(spent: Spent, { nodes, samples, timeDeltas }: Profile): void {
  const owners = ownersOf(nodes)
  for (const [i, id] of samples.entries()) {
    const owner = owners.get(id)
    if (owner) spent[owner] = (spent[owner] ?? 0) + (timeDeltas[i] ?? 0)
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

function describe(services: Profiled[], commands: Command[]): string {
  const parts = services.map(({ service, perDelivery, spent }) => {
    const shown = Object.entries(spent).filter(([, us]) => us >= smallest)
    const lines = shown.sort((a, b) => b[1] - a[1]).map(([name, us]) => `  ${us.toFixed(1).padStart(7)}  ${name}`)
    return [`${service}: ${perDelivery.toFixed(0)} µs a delivery`, ...lines].join('\n')
  })
  const lines = commands.map(({ command, calls, us }) => `  ${us.toFixed(1).padStart(7)}  ${command}, ${calls.toFixed(2)} calls`)
  const note = 'commands inside of a script count twice: in it and by themselves'
  return [...parts, [`Redis, µs a delivery (${note})`, ...lines].join('\n')].join('\n\n')
}
