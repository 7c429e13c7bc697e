import type { LookupAddress } from 'node:dns'
import { createServer, type AddressInfo, type LookupFunction, type Server } from 'node:net'
import { createRandom, type Random } from '../../infra/demo/random.ts'
import { createAddressPolicy, refusal } from '../../shared/http/address-policy.ts'
import { createSender, type Sender } from '../../shared/http/send.ts'

export type NameReport = {
  ok: boolean
  tries: number
  /** Questions to the name server: one for each connection, as nothing is remembered. */
  lookups: number
  /** Connections that a listener at a denied address has seen; undefined where the machine has no such address. */
  deniedConnects: number | undefined
  allowedConnects: number
  longestLookupMs: number
  findings: string[]
}

const allowed = '127.0.0.1'
const denied = '127.0.0.2'
const url = (port: number) => `http://hooks.example:${port}/`
/** What a name server may also say, and what is not to be believed. */
const nonsense = ['', 'nonsense', '256.1.1.1', '127.0.0.1%lo', '::1%lo', '::ffff:127.0.0.2', '0x7f000002', '8.8.8.8 ', '169.254.169.254']

type Options = { alternations: number; seed: number; lookupTimeoutMs?: number }
type Answers = (callback: (addresses: string[]) => void) => void
type Stage = { sender: Sender; port: number; answer(answers: Answers): void; report: NameReport; find(what: string): void }

/**
 * X2: a name server that lies, changes its mind, says too much or nothing at all. It stands where the system's resolver
 * does, which follows CNAMEs and forgets by TTL itself, and cannot be led elsewhere without being root.
 */
export async function fuzzNames({ alternations, seed, lookupTimeoutMs = 5_000 }: Options): Promise<NameReport> {
  const report: NameReport = {
    ok: true,
    tries: 0,
    lookups: 0,
    deniedConnects: 0,
    allowedConnects: 0,
    longestLookupMs: 0,
    findings: [],
  }
  const receiver = await listen(allowed, 0, () => report.allowedConnects++)
  const { port } = receiver.address() as AddressInfo
  const canary = await listen(denied, port, () => (report.deniedConnects = (report.deniedConnects ?? 0) + 1)).catch(() => undefined)
  if (!canary) report.deniedConnects = undefined
  let answers: Answers = () => {}
  const lookup: LookupFunction = (_name, options, callback) => {
    report.lookups++
    answers((found) => {
      const entries: LookupAddress[] = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      if (options.all) callback(null, entries)
      else callback(null, entries[0]?.address ?? '', entries[0]?.family)
    })
  }
  const sender = createSender(createAddressPolicy({ allow: [allowed] }), { lookup, lookupTimeoutMs })
  const stage: Stage = {
    sender,
    port,
    answer: (next) => void (answers = next),
    report,
    find: (what) => void (report.findings.length < 20 && report.findings.push(what)),
  }
  try {
    await rebind(stage, alternations)
    await mix(stage, createRandom(seed), alternations)
    await slow(stage, lookupTimeoutMs)
  } finally {
    await sender.close()
    for (const server of [receiver, canary]) if (server) await new Promise((resolve) => server.close(resolve))
  }
  return { ...report, ok: (report.deniedConnects ?? 0) + report.findings.length === 0 && report.allowedConnects > 0 }
}

/** One name, two addresses in turn, and each request on a connection of its own. */
async function rebind(stage: Stage, alternations: number): Promise<void> {
  for (let n = 0; n < alternations; n++) await expectFor(stage, [n % 2 === 0 ? allowed : denied], n % 2 === 0)
  if (stage.report.lookups !== alternations) stage.find(`${stage.report.lookups} lookups for ${alternations} connections`)
}

/** Many addresses, one of which is denied, wherever it stands; and what is no address. */
async function mix(stage: Stage, random: Random, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    const addresses = Array.from({ length: random.pick([2, 3, 10, 1_000]) }, () => random.pick([allowed, '8.8.8.8', '2606:4700::1111']))
    addresses[random.between(0, addresses.length - 1)] = random.pick([denied, ...nonsense, '10.0.0.1', '::1', 'fe80::1'])
    await expectFor(stage, addresses, false)
  }
  await expectFor(stage, [], false)
  await expectFor(
    stage,
    Array.from({ length: 1_000 }, () => allowed),
    true,
  )
  // a second answer, after the first was found good
  stage.answer((callback) => {
    callback([allowed])
    callback([denied])
  })
  await send(stage, 'succeeded')
}

/** Whoever waits for a name server waits for so long and no longer, and an answer that comes after that leads nowhere. */
async function slow(stage: Stage, withinMs: number): Promise<void> {
  let late: (() => void) | undefined
  stage.answer((callback) => (late = () => callback([allowed])))
  const connects = stage.report.allowedConnects
  const { error, timings } = await send(stage, 'unreachable', 20_000)
  stage.report.longestLookupMs = Math.round(timings.endMs)
  if (error !== 'host name could not be resolved for now') stage.find(`a silent name server: ${error}`)
  if (timings.endMs > withinMs + 1_000) stage.find(`a silent name server was waited for ${timings.endMs} ms`)
  late?.()
  await new Promise((resolve) => setImmediate(resolve))
  if (stage.report.allowedConnects > connects) stage.find('an answer that came too late was followed')
}

async function expectFor(stage: Stage, addresses: string[], isAllowed: boolean): Promise<void> {
  stage.answer((callback) => void setImmediate(() => callback(addresses)))
  const result = await send(stage, isAllowed ? 'succeeded' : 'blocked')
  if (result.outcome === 'blocked' && result.error !== refusal) stage.find(`refused in words of its own: ${result.error}`)
}

async function send({ sender, port, report, find }: Stage, outcome: string, timeoutMs = 10_000) {
  report.tries++
  const result = await sender.send({ url: url(port), headers: {}, body: Buffer.from('{}'), timeoutMs })
  if (result.outcome !== outcome) find(`try ${report.tries}: ${result.outcome} ${result.error ?? ''}, not ${outcome}`)
  return result
}

async function listen(host: string, port: number, onConnection: () => void): Promise<Server> {
  const server = createServer((socket) => {
    onConnection()
    socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n'))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  return server
}
