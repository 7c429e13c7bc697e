import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { Accepted } from '../../shared/contracts/api/accept.ts'
import type { Delivery } from '../../shared/contracts/api/delivery.ts'
import type { EventSummary } from '../../shared/contracts/api/event.ts'
import type { Filter } from '../../shared/contracts/filter.ts'
import { action, type Context } from './common/context.ts'
import { deliveriesOf, eventsOf, isOpen, poll } from './common/delivery-log.ts'
import { exits, Failure, misused } from './common/fail.ts'
import { createGrowth, pageRows } from './common/growth.ts'
import type { Env } from './common/io.ts'
import { deliveryLine, eventLine } from './common/lines.ts'
import { bodiesOf, eventFrom, type EventFlags } from './common/posted.ts'

type Options = EventFlags & { source?: string; idempotencyKey?: string; follow?: boolean }

/** `tidings send`: an event, or many, from a file, from stdin or from flags. */
export function addSend(program: Command, env: Env): void {
  const command = program
    .command('send')
    .description('Send events: native JSON or CloudEvents, one, an array, or one a line')
    .argument('[file]', 'file to read; - is stdin. Left out: the event of the flags')
    .option('--type <type>', 'what happened: table.updated')
    .option('--id <id>', 'your own id; sent again it is accepted once')
    .option('--time <time>', 'when it happened, RFC 3339')
    .option('--subject <subject>')
    .option('--actor <actor>', 'who caused it')
    .option('--entity <name>', 'fully qualified name of the entity')
    .option('--entity-type <type>', 'its type', 'table')
    .option('--entity-id <id>', 'its id')
    .option('--domain <domain>', 'its domain')
    .option('--data <json>', 'data of the event; @file reads a file')
    .option('--source <name>', 'post as this source, in its own words, to /sources/{name}/events')
    .option('--idempotency-key <key>', 'makes the whole request repeatable')
    .option('--follow', 'show what becomes of it until all its deliveries have ended; 1 if one of them failed')
    .addHelpText(
      'after',
      `
  tidings send --type table.updated --entity warehouse.sales.orders --data '{"rows": 3}' --follow
  tidings send events.json
  jq -c .[] export.json | tidings send -`,
    )
  action(command, env, async (context: Context, file: string | undefined, options: Options) => {
    const ids = await post(context, await input(file, options), options)
    if (!options.follow) return
    return follow(context, ids)
  })
}

async function input(file: string | undefined, flags: EventFlags): Promise<string> {
  if (file !== undefined && flags.type !== undefined) throw misused('an event comes from a file or from flags, not from both')
  if (file === undefined && flags.type === undefined) throw misused('name a file, - for stdin, or give an event by --type and other flags')
  if (file === undefined) return JSON.stringify(await eventFrom(flags))
  if (file === '-') return readAll(process.stdin)
  return readFile(file, 'utf8').catch((error: Error) => {
    throw misused(`${file} cannot be read: ${error.message}`)
  })
}

async function post({ api, io }: Context, text: string, { source, idempotencyKey }: Options): Promise<string[]> {
  const bodies = bodiesOf(text)
  if (idempotencyKey && bodies.length > 1) throw misused('--idempotency-key is of one request, and so many events are several')
  const path = source === undefined ? '/events' : `/sources/${encodeURIComponent(source)}/events`
  const ids: string[] = []
  for (const { contentType, body } of bodies) {
    const headers: Record<string, string> = idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}
    const { events, partials = [] } = await api.post<Accepted>(path, { contentType, body, headers })
    for (const event of events) io.out(io.json ? JSON.stringify(event) : `${event.id}${event.duplicate ? '  (accepted before)' : ''}`)
    for (const partial of partials)
      io.out(io.json ? JSON.stringify({ partial }) : `${partial.id}  is partial: it becomes an event once it is looked up`)
    ids.push(...events.map(({ id }) => id))
  }
  return ids
}

/** Follows deliveries of these events, those that came about by the end of others included, until none is open. */
async function follow({ api, io }: Context, ids: string[]): Promise<number> {
  const signal = io.interruptible()
  const unmatched = new Set(ids)
  const shown = new Map<string, string>()
  const rows = new Map<string, Delivery>()

  async function lookAtEvents(): Promise<void> {
    for (const event of await inChunks<EventSummary>([...unmatched], (some) =>
      eventsOf(api).page({ field: 'id', op: 'in', value: some }, 'asc', pageRows),
    )) {
      if (event.fanned_out_at === null) continue
      unmatched.delete(event.id)
      io.out(io.json ? JSON.stringify(event) : eventLine(io, event))
    }
  }
  async function lookAtDeliveries(): Promise<boolean> {
    let news = false
    for (const row of await inChunks(ids, (some) => everyDelivery(api, { field: 'event_id', op: 'in', value: some }))) {
      const standing = `${row.status} ${row.generation} ${row.attempts}`
      rows.set(row.id, row)
      if (shown.get(row.id) === standing) continue
      shown.set(row.id, standing)
      io.out(io.json ? JSON.stringify(row) : deliveryLine(io, row))
      news = true
    }
    return news
  }

  await poll(signal, async () => {
    await lookAtEvents()
    // all rows are there before the event is marked, so none can be missing once it is
    const allMatched = unmatched.size === 0
    const news = await lookAtDeliveries()
    if (allMatched && ![...rows.values()].some(isOpen)) return 'done'
    return news ? 'news' : 'nothing'
  })
  if (io.closed()) return exits.done
  if (signal.aborted) throw new Failure('not followed any further; the deliveries go on', exits.refused)
  return [...rows.values()].some(({ status }) => status !== 'succeeded') ? exits.refused : exits.done
}

async function inChunks<T>(ids: string[], ask: (some: string[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = []
  for (let at = 0; at < ids.length; at += pageRows) found.push(...(await ask(ids.slice(at, at + pageRows))))
  return found
}

const everyDelivery = (api: Context['api'], filter: Filter): Promise<Delivery[]> => createGrowth(deliveriesOf(api), [filter]).look()
