import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { account } from './account.ts'
import { createApi, DemoError, type Api } from './api.ts'
import { figuresOf } from './figures.ts'
import { readLedger } from './ledger.ts'
import { readOptions, usage, type Options } from './options.ts'
import type { Receiver } from './receiver.ts'
import { registerInGiven, registerInOwn, unregister, type Registered } from './register.ts'
import { render, whereToLook, type Report } from './report.ts'
import { perform, planDay, startReceivers, type Performed, type Plan, type Time } from './stage.ts'
import { givenTidings, startTidings, type Tidings } from './tidings.ts'

type Env = Record<string, string | undefined>

/** npm hands Ctrl-C on to us although the terminal has done so already: that is one signal, not two. */
const sameSignalMs = 500
const interrupted = 130

/** `npm run demo`. Resolves with the exit code: 0 only when everything accepted is accounted for. */
export async function main(args: string[], env: Env): Promise<number> {
  const stopping = endOnSignal()
  try {
    const options = readOptions(args)
    if (options) return (await demo(options, env, stopping)) ? 0 : 1
    process.stdout.write(`${usage}\n`)
    return 0
  } catch (error) {
    if (stopping.aborted) return interrupted
    if (!(error instanceof DemoError)) throw error
    say(error.message)
    return 1
  }
}

const say = (line: string) => void process.stderr.write(`${line}\n`)

async function demo(options: Options, env: Env, signal: AbortSignal): Promise<boolean> {
  const time: Time = { at: 0, mended: false }
  const ends: (() => Promise<void>)[] = []
  try {
    const receivers = await startReceivers(time, options.seed)
    ends.push(async () => void (await Promise.all(receivers.map((receiver) => receiver.stop()))))
    const tidings = options.given ? givenTidings(options.given) : await startTidings(env, signal)
    ends.push(() => tidings.stop())
    if (tidings.own) say(`Tidings runs on ${tidings.url}, with ${tidings.redis}.`)
    const report = await playThrough({ options, tidings, receivers, time, signal, ends }).catch((error: unknown) => {
      if (!signal.aborted) sayLastWords(tidings)
      throw error
    })
    process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : render(report)}\n`)
    if (!report.ok) sayLastWords(tidings)
    if (!options.json) process.stdout.write(`\n${whereToLook(report)}\n`)
    if (options.keep) await keep(tidings, signal)
    return report.ok
  } finally {
    // what ends badly must not keep the rest from ending
    for (const end of ends.reverse()) await end().catch((error: Error) => say(error.message))
  }
}

type Given = { options: Options; tidings: Tidings; receivers: Receiver[]; time: Time; signal: AbortSignal; ends: (() => Promise<void>)[] }

async function playThrough(given: Given): Promise<Report> {
  const { options, tidings, receivers, time, signal } = given
  const startedAt = Date.now()
  const api = createApi(tidings.url, tidings.key, signal)
  const run = tidings.own ? 'demo' : `demo-${startedAt.toString(36)}`
  const plan = await planDay(options.events, options.seed, run, tidings.own)
  const registered = await register(given, plan, api)
  say(introduce(receivers, plan))
  const stream = options.json ? process.stderr : process.stdout
  const performed = await perform({ ...plan, api, receivers, registered, time, signal, stream })
  return report(given, { plan, api, registered, performed, startedAt })
}

async function register({ options, tidings, receivers, signal, ends }: Given, { sources }: Plan, api: Api): Promise<Registered> {
  if (tidings.own) return registerInOwn(receivers, sources, api)
  const registered: Registered = { labels: new Map(), sources: [] }
  // with a signal of its own: it has to be done after Ctrl-C too
  ends.push(() => unregister(registered, createApi(tidings.url, tidings.key, AbortSignal.timeout(10_000))))
  await registerInGiven(registered, receivers, sources, { api, anyway: options.anyway, signal })
  return registered
}

type Done = { plan: Plan; api: Api; registered: Registered; performed: Performed; startedAt: number }

async function report({ options, tidings, receivers }: Given, { plan, api, registered, performed, startedAt }: Done): Promise<Report> {
  const { played, failed, mended } = performed
  const seconds = (Date.now() - startedAt) / 1000
  const ledger = await readLedger({ api, played, receivers, registered, own: tidings.own })
  const checks = account(ledger)
  const running = !tidings.own || options.keep
  const example = mended?.delivery ?? ledger.deliveries[0]?.id ?? null
  return {
    ok: checks.every(({ ok }) => ok),
    seed: options.seed,
    seconds,
    tidings: { url: tidings.url, own: tidings.own, redis: tidings.redis ?? null, running },
    total: { accepted: ledger.accepted.length, requests: plan.posts.length, repeated: played.repeated, ...figuresOf(ledger, failed) },
    webhooks: [...registered.labels].map(([id, label]) => {
      const note = receivers.find((receiver) => receiver.plan.label === label)?.plan.note ?? ''
      return { id, label, note, ...figuresOf(ledger, failed, label) }
    }),
    told: countTold(plan),
    mended: mended ?? null,
    checks,
    look: lookAt(tidings, example),
  }
}

function countTold({ posts }: Plan): Record<string, number> {
  const told: Record<string, number> = {}
  for (const post of posts) told[post.voice] = (told[post.voice] ?? 0) + post.told.length
  return told
}

/** A key that we were given is not ours to show. */
function lookAt({ url, key, own }: Tidings, delivery: string | null): Report['look'] {
  const authorization = `-H "Authorization: Bearer ${own ? key : '$KEY'}"`
  const filter = JSON.stringify({ filter: { field: 'attempts', op: 'gt', value: 1 }, limit: 5 })
  return {
    docs: `${url}/docs`,
    queues: `${url}/queues`,
    log: `curl -s ${url}/webhook-deliveries/filter ${authorization} -H 'Content-Type: application/json' -d '${filter}'`,
    delivery: delivery && `curl -s ${url}/webhook-deliveries/${delivery} ${authorization}`,
  }
}

function introduce(receivers: Receiver[], { posts }: Plan): string {
  const events = posts.reduce((sum, { told }) => sum + told.length, 0)
  const width = Math.max(...receivers.map(({ plan }) => plan.label.length))
  const lines = receivers.map(({ plan }) => `  ${plan.label.padEnd(width)}  ${plan.note}`)
  return [`A day of a data catalog, ${events} events, for ${receivers.length} receivers:`, ...lines, ''].join('\n')
}

function sayLastWords({ lastWords }: Tidings): void {
  const words = lastWords()
  if (words.length > 0) say(['', 'What Tidings said last:', ...words.map((line) => `  ${line}`), ''].join('\n'))
}

async function keep(tidings: Tidings, signal: AbortSignal): Promise<void> {
  say(`\n${tidings.own ? 'Tidings and the receivers run' : 'The receivers run'} until Ctrl-C.`)
  // a timer that never ends keeps the process alive, and the signal ends it
  await wait(2 ** 31 - 1, undefined, { signal }).catch(() => {})
}

/** The first signal ends in order, the second at once: what we started ends with us. */
function endOnSignal(): AbortSignal {
  const stopping = new AbortController()
  let endingSince: number | undefined
  const end = () => {
    if (endingSince !== undefined && Date.now() - endingSince < sameSignalMs) return
    if (endingSince !== undefined) process.exit(interrupted)
    endingSince = Date.now()
    say('\nending; once more ends at once')
    stopping.abort()
  }
  // every wait and every request listens
  setMaxListeners(0, stopping.signal)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  return stopping.signal
}
