import type { Command } from 'commander'
import type { Replay } from '../../shared/contracts/api/replay.ts'
import { share, watchBulk } from './common/bulk.ts'
import { action, type Context } from './common/context.ts'
import { misused } from './common/fail.ts'
import type { Env } from './common/io.ts'
import { printList, printRecord } from './common/print.ts'
import { findWebhook } from './common/tidings.ts'
import { momentOf } from './common/time.ts'
import { readFilter } from './common/where.ts'

type Options = { since?: string; until?: string; filter?: string; yes?: boolean; detach?: boolean }
type Page<T> = { data: T[] }

/** `tidings replay`: events of the past, matched again for one webhook. */
export function addReplay(program: Command, env: Env): void {
  const command = program
    .command('replay')
    .description('Match old events again for a webhook: those it subscribes to today and never got are delivered to it')
    .argument('[webhook]', 'id or label')
    .option('--since <time>', 'events accepted since then: a time, or how long ago (7d)')
    .option('--until <time>', 'and before then; left out: now')
    .option('--filter <json>', 'of these, those that match: fields of /events/filter')
    .option('--yes', 'ask nothing')
    .option('--detach', 'do not wait for its end')
    .addHelpText(
      'after',
      `
Ctrl-C asks whether to stop it. What the webhook has got already is sent again by \`tidings redeliver\`.

  tidings replay sales --since 7d
  tidings replay list; tidings replay watch ID; tidings replay stop ID`,
    )
  action(command, env, async (context: Context, name: string | undefined, options: Options) => {
    if (name === undefined || options.since === undefined) throw misused('name a webhook, and since when: tidings replay sales --since 7d')
    return begin(context, name, options)
  })
  addList(command, env)
}

function addList(command: Command, env: Env): void {
  action(command.command('list').description('The newest replays'), env, async ({ api, io }: Context) => {
    const { data } = await api.get<Page<Replay>>('/replays?limit=50')
    printList(io, data, {
      id: ({ id }) => id,
      status: ({ status }) => status,
      webhook: ({ webhook_id }) => webhook_id,
      examined: ({ examined, events }) => share(examined, events),
      deliveries: ({ deliveries }) => deliveries,
      since: ({ since }) => since,
      until: ({ until }) => until,
    })
  })
  action(command.command('watch <id>').description('Show how far one has come, until its end'), env, async (context: Context, id: string) =>
    watch(context, await context.api.get<Replay>(pathOf(id))),
  )
  action(command.command('stop <id>').description('Stop one'), env, async ({ api, io }: Context, id: string) =>
    printRecord(io, await api.call<Replay>('DELETE', pathOf(id))),
  )
}

const pathOf = (id: string) => `/replays/${encodeURIComponent(id)}`

async function begin(context: Context, name: string, options: Options): Promise<number | undefined> {
  const { api, io } = context
  const webhook = await findWebhook(api, name)
  const now = Date.now()
  const since = momentOf(options.since as string, '--since', now)
  const until = options.until === undefined ? undefined : momentOf(options.until, '--until', now)
  const filter = options.filter === undefined ? undefined : readFilter(options.filter)
  const range = `from ${since} to ${until ?? 'now'}`
  await io.confirm(`Deliver to ${webhook.label ?? webhook.url} what it subscribes to and has not got, of the events ${range}?`, options.yes)
  const replay = await api.call<Replay>('POST', `/webhooks/${webhook.id}/replay`, { since, until, filter })
  if (!options.detach) return watch(context, replay)
  printRecord(io, replay)
  return undefined
}

const watch = ({ api, io }: Context, replay: Replay): Promise<number> =>
  watchBulk(io, replay, {
    what: 'replay',
    look: () => api.get(pathOf(replay.id)),
    stop: () => api.call('DELETE', pathOf(replay.id)),
    words: ({ examined, events, deliveries, reason }) =>
      `${share(examined, events)} events looked at, ${deliveries} deliveries made${reason ? `; ${reason}` : ''}`,
    again: 'tidings replay watch',
  })
