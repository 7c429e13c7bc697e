import type { Command } from 'commander'
import type { Delivery } from '../../shared/contracts/api/delivery.ts'
import type { EventSummary } from '../../shared/contracts/api/event.ts'
import { action, type Context } from './common/context.ts'
import { createChanges, deliveriesOf, eventsOf, poll } from './common/delivery-log.ts'
import { misused } from './common/fail.ts'
import { createGrowth, pageRows, type Source } from './common/growth.ts'
import { deliveryLine, eventLine } from './common/lines.ts'
import { withIds } from './common/tidings.ts'
import { momentOf } from './common/time.ts'
import { addWhere, both, wholeOf, whereOf, type Flags, type Where } from './common/where.ts'
import type { Env } from './common/io.ts'

type Options = Flags & { deliveries?: boolean; events?: boolean; last: string; follow: boolean }

/** `tidings tail`: the log as it grows. */
export function addTail(program: Command, env: Env): void {
  const command = program
    .command('tail')
    .description('The log as it grows: each delivery when it is made and whenever it stands otherwise; each event as it is matched')
    .option('--deliveries', 'deliveries; the default')
    .option('--events', 'events; with --deliveries, both')
    .option('-n, --last <number>', 'how many of the last to begin with', '10')
    .option('--no-follow', 'only what there is')
  addWhere(command).addHelpText(
    'after',
    `
With --since it begins there instead of with the last few. With --json, each line is a delivery or an event as the API has it.

  tidings tail --status failed --type 'table.*' --webhook sales
  tidings tail --events --deliveries --json | jq .id
  tidings tail --since 1h --no-follow --filter '{"field": "attempts", "op": "gt", "value": 3}'`,
  )
  action(command, env, async (context: Context, options: Options) => {
    const last = Number(options.last)
    if (!Number.isInteger(last) || last < 0 || last > 10_000) throw misused(`--last ${options.last}: must be a whole number up to 10000`)
    const signal = context.io.interruptible()
    const logs = await Promise.all([
      ...(options.events ? [followEvents(context, options, last)] : []),
      ...(options.deliveries || !options.events ? [followDeliveries(context, options, last)] : []),
    ])
    print(
      context,
      logs.flatMap(({ past }) => past),
    )
    if (!options.follow) return
    await poll(signal, async () => {
      const news = (await Promise.all(logs.map((log) => log.look()))).flat()
      print(context, news)
      return news.length > 0 ? 'news' : 'nothing'
    })
  })
}

/** What is printed, and by which time it is put in order. */
type Line = { at: string; row: object; text: string }
type Following = { past: Line[]; look(): Promise<Line[]> }

function print({ io }: Context, lines: Line[]): void {
  for (const { row, text } of lines.sort((a, b) => (a.at < b.at ? -1 : 1))) io.out(io.json ? JSON.stringify(row) : text)
}

async function followDeliveries({ api, io }: Context, options: Options, last: number): Promise<Following> {
  const { since, ...flags } = await withIds(api, options)
  const where = whereOf(flags, 'deliveries', Date.now())
  const lineOf = (row: Delivery): Line => ({ at: row.updated_at, row, text: deliveryLine(io, row) })
  const changes = createChanges(api, where, io.say)
  await changes.begin()
  const past = await pastOf(deliveriesOf(api), where, 'created_at', since, last)
  changes.know(past)
  return { past: past.map(lineOf), look: async () => (await changes.look()).map(lineOf) }
}

/** How often an event that is not matched yet is waited for before it is shown as it is. */
const patience = 5

async function followEvents({ api, io }: Context, options: Options, last: number): Promise<Following> {
  const { since, ...flags } = options
  const where = whereOf(
    options.deliveries ? ({ ...flags, status: undefined, webhook: undefined, outcome: undefined } as Flags) : flags,
    'events',
    Date.now(),
  )
  const lineOf = (row: EventSummary): Line => ({ at: row.received_at, row, text: eventLine(io, row) })
  const source = eventsOf(api)
  const growth = createGrowth(source, where.fixed)
  const waiting = new Map<string, number>()
  await growth.begin()
  const past = await pastOf(source, where, 'received_at', since, last)

  return {
    past: past.map(lineOf),
    async look() {
      for (const { id } of await growth.look()) waiting.set(id, 0)
      const ids = [...waiting.keys()].slice(0, pageRows)
      if (ids.length === 0) return []
      const rows = await source.page({ field: 'id', op: 'in', value: ids }, 'asc', pageRows)
      const ready = rows.filter(({ id, matched }) => matched !== null || (waiting.get(id) ?? 0) >= patience)
      for (const id of ids) waiting.set(id, (waiting.get(id) ?? 0) + 1)
      for (const { id } of ready) waiting.delete(id)
      const readyIds = ready.map(({ id }) => id)
      const holds =
        where.moving.length === 0 || readyIds.length === 0
          ? ready
          : await source.page(both({ field: 'id', op: 'in', value: readyIds }, ...where.moving), 'asc', pageRows)
      return holds.map(lineOf)
    },
  }
}

/** The last few that match, or all since a time; oldest first. */
async function pastOf<T extends { id: string }>(
  source: Source<T>,
  where: Where,
  field: string,
  since: string | undefined,
  last: number,
): Promise<T[]> {
  const filter = wholeOf(where)
  if (since === undefined) return last === 0 ? [] : (await newest(source, filter, last)).reverse()
  const growth = createGrowth(source, filter ? [filter] : [])
  growth.beginAt(momentOf(since, '--since', Date.now()))
  return growth.look()
}

async function newest<T extends { id: string }>(source: Source<T>, filter: Parameters<Source<T>['page']>[0], last: number): Promise<T[]> {
  const rows: T[] = []
  while (rows.length < last) {
    const oldest = rows.at(-1)
    const before = oldest && { field: source.field, op: 'lt' as const, value: source.timeOf(oldest) }
    const page = await source.page(
      both(...[filter, before].filter((one) => one !== undefined)),
      'desc',
      Math.min(pageRows, last - rows.length),
    )
    rows.push(...page)
    if (page.length < pageRows) break
  }
  return rows
}
