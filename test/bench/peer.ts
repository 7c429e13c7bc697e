import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { median, nowUs, quantile } from './clock.ts'
import { createPool, requestBytes, type Pool } from './http.ts'
import { BenchError } from './options.ts'
import { startSink, type Sink } from './peers.ts'
import { row, type Row } from './row.ts'
import { openStage, type Stage } from './stage.ts'
import { connections, usualEvent, webhooksAt } from './tidings.ts'
import type { Scale } from './measure/with.ts'

/** The request that tells another sender of an event; in strings of it `{{event}}` and the like are replaced. */
const Template = z.strictObject({
  name: z.string().default('peer'),
  url: z.url(),
  method: z.string().default('POST'),
  headers: z.record(z.string(), z.string()).default({ 'content-type': 'application/json' }),
  body: z.unknown().default('{{event}}'),
})
type Template = z.infer<typeof Template>

const perSecond = 200

/** Both from the request in to the request at the same sink, in turn. */
export async function againstPeer(given: string, sinkPort: number, { quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const template = readTemplate(given)
  const [count, seconds] = quick ? [2_000, 3] : [10_000, 8]
  const sink = await startSink(sinkPort)
  say(`${template.name} has to deliver to ${sink.url}`)
  const ends: (() => unknown)[] = [() => sink.stop()]
  try {
    const stage = await openStage({ deployment })
    ends.push(() => stage.stop())
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const pool = createPool([template.url], connections)
    const senders = [ofStage(stage), ofTemplate(template, sink, pool)]
    for (const sender of senders) await throughput(sender, sink, 1_000)
    const rates: number[][] = senders.map(() => [])
    const latencies: number[][] = senders.map(() => [])
    for (let n = 0; n < rounds; n++) {
      for (const [i, sender] of senders.entries()) rates[i]?.push(await throughput(sender, sink, count))
      for (const [i, sender] of senders.entries()) latencies[i]?.push(...(await latencyOf(sender, sink, seconds)))
      say(`round ${n + 1} of ${rounds}: ${template.name} ${rates[1]?.at(-1)?.toFixed(0)}/s, Tidings ${rates[0]?.at(-1)?.toFixed(0)}/s`)
    }
    const [ours, peer] = [0, 1].map((i) => ({ rate: median(rates[i] ?? []), latencies: latencies[i] ?? [] })) as [Measured, Measured]
    return rowsOf(template.name, ours, peer)
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

type Measured = { rate: number; latencies: number[] }

function rowsOf(peerName: string, ours: Measured, peer: Measured): Row[] {
  const ms = ({ latencies }: Measured, share: number) => quantile(latencies, share) / 1000
  const named = { name: 'peer', peerName }
  return [
    row({ ...named, what: 'events in → receiver has them', value: ours.rate, peer: peer.rate, unit: '/s' }),
    row({ ...named, what: `the same at ${perSecond}/s, p50`, value: ms(ours, 0.5), peer: ms(peer, 0.5), unit: 'ms' }),
    row({ ...named, what: `the same at ${perSecond}/s, p99`, value: ms(ours, 0.99), peer: ms(peer, 0.99), unit: 'ms' }),
  ]
}

type Sender = { pool: Pool; make(sentAt: number): Buffer }

const ofStage = ({ tidings }: Stage): Sender => ({ pool: tidings.ingest, make: (sentAt) => tidings.eventRequest(usualEvent(sentAt)) })

function ofTemplate({ url, method, headers, body }: Template, sink: Sink, pool: Pool): Sender {
  return {
    pool,
    make(sentAt) {
      const event = usualEvent(sentAt)
      const { id } = JSON.parse(event) as { id: string }
      const text =
        body === '{{event}}'
          ? event
          : JSON.stringify(filled(body, { event: JSON.parse(event) as unknown, text: event, id, sink: sink.url }))
      return requestBytes(url, headers, text, method)
    },
  }
}

/** A string that is one placeholder becomes its value, whatever that is; inside a longer one it becomes text. */
function filled(part: unknown, values: Record<string, unknown>): unknown {
  if (Array.isArray(part)) return part.map((inner) => filled(inner, values))
  if (typeof part === 'object' && part !== null)
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, filled(inner, values)]))
  if (typeof part !== 'string') return part
  const whole = /^\{\{(\w+)\}\}$/.exec(part)?.[1]
  if (whole && whole in values) return values[whole]
  return part.replace(/\{\{(\w+)\}\}/g, (all, name: string) => (name in values ? String(values[name]) : all))
}

async function throughput({ pool, make }: Sender, sink: Sink, count: number): Promise<number> {
  await sink.reset()
  const startedAt = nowUs()
  await pool.closedLoop(count, () => make(0))
  const { lastAt } = await sink.expect(count, 60_000)
  return count / ((lastAt - startedAt) / 1e6)
}

async function latencyOf({ pool, make }: Sender, sink: Sink, seconds: number): Promise<number[]> {
  await sink.reset({ latencies: true })
  await pool.openLoop(perSecond, seconds, () => make(nowUs()))
  return (await sink.expect(perSecond * seconds, 60_000)).latencies ?? []
}

function readTemplate(given: string): Template {
  if (/^https?:/.test(given)) return Template.parse({ url: given })
  try {
    return Template.parse(JSON.parse(readFileSync(given, 'utf8')))
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
    throw new BenchError(`--peer ${given}: neither a URL nor a template of a request: ${reason}`)
  }
}
