import type { Command } from 'commander'
import type { Delivery, Redelivery } from '../../shared/contracts/api/delivery.ts'
import type { Filter } from '../../shared/contracts/filter.ts'
import { share, watchBulk } from './common/bulk.ts'
import { action, type Context } from './common/context.ts'
import { misused } from './common/fail.ts'
import type { Env } from './common/io.ts'
import { printList, printRecord } from './common/print.ts'
import { withIds } from './common/tidings.ts'
import { addWhere, both, wholeOf, whereOf, type Flags } from './common/where.ts'

type Options = Flags & { yes?: boolean; detach?: boolean; all?: boolean }
type Page<T> = { data: T[] }

/** `tidings redeliver`: one delivery, or all that match, sent again. */
export function addRedeliver(program: Command, env: Env): void {
  const command = program
    .command('redeliver')
    .description('Send again: one delivery by its id, or all finished ones that match, counted and confirmed first')
    .argument('[delivery]', 'id of a delivery')
    .option('--all', 'every finished delivery there is, with no filter')
    .option('--yes', 'ask nothing')
    .option('--detach', 'do not wait for its end')
  addWhere(command).addHelpText(
    'after',
    `
Ctrl-C asks whether to stop it. Deliveries opened again have the same event id on the wire.

  tidings redeliver --status failed --webhook sales --since 1d
  tidings redeliver list; tidings redeliver watch ID; tidings redeliver stop ID`,
  )
  action(command, env, async (context: Context, id: string | undefined, options: Options) => {
    if (id === undefined) return redeliverAll(context, options)
    const delivery = await context.api.call<Delivery>('POST', `/webhook-deliveries/${encodeURIComponent(id)}/redeliver`)
    if (context.io.json) context.io.out(JSON.stringify(delivery))
    else context.io.out(`${delivery.id} is sent again, generation ${delivery.generation}`)
  })
  addList(command, env)
}

function addList(command: Command, env: Env): void {
  action(command.command('list').description('The newest redeliveries'), env, async ({ api, io }: Context) => {
    const { data } = await api.get<Page<Redelivery>>('/redeliveries?limit=50')
    printList(io, data, {
      id: ({ id }) => id,
      status: ({ status }) => status,
      redelivered: ({ redelivered, matched }) => share(redelivered, matched),
      begun: ({ created_at }) => created_at,
      filter: ({ filter }) => filter,
    })
  })
  action(command.command('watch <id>').description('Show how far one has come, until its end'), env, async (context: Context, id: string) =>
    watch(context, await context.api.get<Redelivery>(pathOf(id))),
  )
  action(command.command('stop <id>').description('Stop one'), env, async ({ api, io }: Context, id: string) =>
    printRecord(io, await api.call<Redelivery>('DELETE', pathOf(id))),
  )
}

const pathOf = (id: string) => `/redeliveries/${encodeURIComponent(id)}`

async function redeliverAll(context: Context, options: Options): Promise<number | undefined> {
  const { api, io } = context
  const asked = wholeOf(whereOf(await withIds(api, options), 'deliveries', Date.now()))
  if (!asked && !options.all) throw misused('name a delivery, say which ones (--status failed), or --all')
  const finished: Filter = { field: 'status', op: 'in', value: ['succeeded', 'failed', 'cancelled'] }
  const filter = both(...(asked ? [asked] : []), finished) as Filter
  const { count } = await api.call<{ count: number }>('POST', '/webhook-deliveries/count', { filter })
  if (count === 0) return io.say('No finished delivery matches.'), undefined
  await io.confirm(`Send ${count} deliver${count === 1 ? 'y' : 'ies'} again (those whose webhook is active)?`, options.yes)
  const redelivery = await api.call<Redelivery>('POST', '/webhook-deliveries/redeliver', { filter })
  if (!options.detach) return watch(context, redelivery)
  printRecord(io, redelivery)
  return undefined
}

const watch = ({ api, io }: Context, redelivery: Redelivery): Promise<number> =>
  watchBulk(io, redelivery, {
    what: 'redelivery',
    look: () => api.get(pathOf(redelivery.id)),
    stop: () => api.call('DELETE', pathOf(redelivery.id)),
    words: ({ redelivered, matched }) => `${share(redelivered, matched)} sent again`,
    again: 'tidings redeliver watch',
  })
