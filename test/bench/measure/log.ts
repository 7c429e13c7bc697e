import { nowUs, quantile, until } from '../clock.ts'
import { connect, requestBytes } from '../http.ts'
import { row, type Row } from '../row.ts'
import { buildLog, type BuiltLog } from '../build-log.ts'
import { usualEvent, webhooksAt } from '../tidings.ts'
import { recorded } from './drain.ts'
import { withStage, type Scale } from './with.ts'

export async function log(scale: Scale): Promise<Row[]> {
  return [await recording(scale), await filtering(scale)]
}

/** Status is held while a dispatcher works off a backlog; let go, it records what has come together. */
async function recording({ quick, rounds, say }: Scale): Promise<Row> {
  const count = quick ? 4_000 : 40_000
  return withStage({}, async (stage, sink) => {
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const rates: number[] = []
    for (let n = 0; n <= rounds; n++) {
      process.kill(stage.status.pid, 'SIGSTOP')
      try {
        await sink.reset()
        await stage.tidings.fill(count, usualEvent, 0)
        await sink.expect(count)
        await until('all outcomes are in the stream', async () => (await stage.backlog.unfinished()) === 0)
      } finally {
        process.kill(stage.status.pid, 'SIGCONT')
      }
      const startedAt = nowUs()
      await recorded(stage)
      // the first is to warm up
      if (n > 0) rates.push(count / ((nowUs() - startedAt) / 1e6))
      say(`round ${n} of ${rounds}: ${(count / ((nowUs() - startedAt) / 1e6)).toFixed(0)} rows/s`)
    }
    return row({
      name: 'log',
      what: 'attempts recorded, each with its start, its end and its delivery',
      value: quantile(rates, 0.5),
      unit: 'rows/s',
      goal: { of: 'value', least: 30_000 },
      notes: `${count} rows a round, from the stream to SQL; a row is one attempt, of which two outcomes tell`,
    })
  })
}

/** Pages that a person asks for, at random places of a long log. */
async function filtering({ quick, say }: Scale): Promise<Row> {
  const attempts = quick ? 200_000 : 5_000_000
  let built: BuiltLog | undefined
  const prepare = async (file: string) => {
    const startedAt = nowUs()
    built = await buildLog(file, attempts)
    say(`a log of ${attempts} attempts built in ${((nowUs() - startedAt) / 1e6).toFixed(0)} s, ${(built.bytes / 2 ** 30).toFixed(2)} GiB`)
  }
  return withStage({ dispatchers: 0, prepare }, async ({ status, tidings }) => {
    const key = tidings.eventRequest('').toString()
    const authorization = /authorization: (.*)\r/.exec(key)?.[1] ?? ''
    const times = new Map<string, number[]>()
    for (let n = 0; n < (quick ? 40 : 200); n++) {
      // one after a thousand requests is closed by the server
      const connection = await connect(status.url)
      for (const [name, request] of Object.entries(pages(built as BuiltLog, n))) {
        const bytes = requestBytes(
          `${status.url}/webhook-deliveries/filter`,
          { authorization, 'content-type': 'application/json' },
          JSON.stringify(request),
        )
        const startedAt = nowUs()
        const answer = await connection.post(bytes)
        const took = (nowUs() - startedAt) / 1000
        if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.body}`)
        times.set(name, [...(times.get(name) ?? []), took])
      }
      connection.close()
    }
    const each = [...times].map(([name, list]) => `${name} ${quantile(list, 0.99).toFixed(1)}`).join(', ')
    return row({
      name: 'log',
      what: `a page of 50 from ${attempts} attempts, p99`,
      value: quantile([...times.values()].flat(), 0.99),
      unit: 'ms',
      goal: { of: 'value', most: 20 },
      notes: `p99 of each, ms: ${each}${quick ? '; --quick: 200,000 attempts, not 5,000,000' : ''}`,
    })
  })
}

const is = (field: string, value: unknown) => ({ field, op: 'eq', value })
const newest = [{ field: 'created_at', direction: 'desc' }]

function pages({ webhookIds, from, to }: BuiltLog, n: number): Record<string, object> {
  const webhook = webhookIds[(n * 7) % webhookIds.length]
  const at = new Date(from + (to - from) * ((n * 0.618) % 1)).toISOString()
  const until = { field: 'created_at', op: 'lt', value: at }
  return {
    newest: {},
    'before a time': { filter: until },
    'of a webhook': { filter: is('webhook_id', webhook) },
    'of a webhook before a time': { filter: { and: [is('webhook_id', webhook), until] } },
    failed: { filter: is('status', 'failed'), sort: newest },
    'failed of a webhook': { filter: { and: [is('webhook_id', webhook), is('status', 'failed')] } },
    'failed before a time': { filter: { and: [is('status', 'failed'), until] } },
    'of a type': { filter: is('event_type', 'table.updated') },
    'status code 500': { filter: is('last_status_code', 500) },
  }
}
