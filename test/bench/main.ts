import { findDeployment, MissingEngine } from '../support/deployments.ts'
import { describeMachine, machineText } from './machine.ts'
import { drain, drain2 } from './measure/drain.ts'
import { fanout } from './measure/fanout.ts'
import { floor } from './measure/floor.ts'
import { ingest, ingestBatch } from './measure/ingest.ts'
import { latency } from './measure/latency.ts'
import { log } from './measure/log.ts'
import { match } from './measure/match.ts'
import { memory } from './measure/memory.ts'
import { pipeline } from './measure/pipeline.ts'
import { scale } from './measure/scale.ts'
import { sinkAlone } from './measure/sink.ts'
import type { Scale } from './measure/with.ts'
import { BenchError, readOptions, usage, type Options } from './options.ts'
import { againstPeer } from './peer.ts'
import { profile } from './profile.ts'
import { failedRow, table, type Row } from './row.ts'

type Measure = (scale: Scale, options: Options) => Promise<Row[]>

const measures: Record<string, Measure> = {
  sink: sinkAlone,
  drain,
  drain2,
  pipeline,
  ingest,
  'ingest-batch': ingestBatch,
  latency,
  fanout,
  match,
  memory: (given, { deliveries }) => memory({ ...given, ...(deliveries && { deliveries }) }),
  log,
  scale,
  floor,
}
/** Why these are measured on the small deployment alone. */
const smallAlone: Record<string, string> = {
  drain2: 'it is drain with two dispatchers, and there are four',
  memory: 'it watches one process of each service, and one Redis',
  log: 'it holds the only status, and builds its long log in a SQLite file',
  scale: 'it begins with one dispatcher, and there are four',
}
const names = Object.keys(measures)
/** They have no goals, and take their time. */
const byNameAlone = ['floor']
const missing = 2
const interrupted = 130

const say = (line: string) => void process.stderr.write(`${line}\n`)

/** `npm run bench`. Resolves with the exit code: 0 only when every goal that was measured is met. */
export async function main(args: string[]): Promise<number> {
  // ends with Ctrl-C; the processes that were started end with us
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(interrupted))
  try {
    const options = readOptions(args, names)
    if (options) return await bench(options)
    process.stdout.write(`${usage(names)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof BenchError || error instanceof MissingEngine)) throw error
    say(error.message)
    return error instanceof MissingEngine ? missing : 1
  }
}

async function bench(options: Options): Promise<number> {
  const deployment = await findDeployment(options.deployment, { durable: true })
  const machine = describeMachine()
  say(machineText(machine))
  if (machine.load > machine.cores / 2) say('other programs are at work here; even the ratios will waver')
  const scale: Scale = { deployment, quick: options.quick, rounds: options.quick ? 1 : 3, say: (line) => say(`  ${line}`) }
  if (options.profile) {
    process.stdout.write(`${await profile(scale, options.json)}\n`)
    return 0
  }
  const chosen = options.only.length > 0 ? options.only : names.filter((name) => !byNameAlone.includes(name))
  const rows: Row[] = []
  for (const name of chosen) rows.push(...(await measure(name, scale, options)))
  if (options.peer) rows.push(...(await againstPeer(options.peer, options.sinkPort, scale)))
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ machine, deployment: options.deployment, quick: options.quick, rows }, null, 2)}\n`
      : `\n${table(rows)}\n`,
  )
  return rows.every(({ met }) => met !== false) ? 0 : 1
}

/** What cannot be measured is a missed goal, and no reason not to measure the rest. */
async function measure(name: string, scale: Scale, options: Options): Promise<Row[]> {
  const reason = options.deployment === 'small' ? undefined : smallAlone[name]
  say(reason ? `${name} is not measured on this deployment: ${reason}` : name)
  if (reason) return []
  const startedAt = performance.now()
  try {
    return await (measures[name] as Measure)(scale, options)
  } catch (error) {
    say(`  ${(error as Error).stack}`)
    return [failedRow(name, error as Error)]
  } finally {
    scale.say(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  }
}
