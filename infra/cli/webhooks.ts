import type { Command } from 'commander'
import type { DeliveryDetail } from '../../shared/contracts/api/delivery.ts'
import type { Subscription } from '../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import type { z } from 'zod'
import { action, type Context } from './common/context.ts'
import { poll } from './common/delivery-log.ts'
import { exits, Failure, misused } from './common/fail.ts'
import type { Env } from './common/io.ts'
import { deliveryLine } from './common/lines.ts'
import { printList, printRecord } from './common/print.ts'
import { findWebhook } from './common/tidings.ts'
import { readJson } from './common/where.ts'
import { addSettings, membersOf, repeated, type Settings } from './common/webhook-flags.ts'

type WithSecret = Webhook & { secret: string }
type Detail = z.infer<typeof DeliveryDetail>

/** `tidings webhooks …`: the registry by hand. What lives in a repository is better kept by `tidings apply`. */
export function addWebhooks(program: Command, env: Env): void {
  const group = program.command('webhooks').description('List, look at, create, change, test and remove webhooks, and their subscriptions')
  addLooks(group, env)
  addChanges(group, env)
  addEnds(group, env)
  addSubscriptions(group, env)
}

function addLooks(group: Command, env: Env): void {
  action(group.command('list').description('All webhooks, newest first'), env, async ({ api, io }: Context) =>
    printList(io, await api.all<Webhook>('/webhooks'), {
      id: ({ id }) => id,
      label: ({ label }) => label,
      status: ({ status }) => status,
      format: ({ format }) => format,
      url: ({ url }) => url,
    }),
  )
  action(group.command('get <webhook>').description('One webhook, by its id or label'), env, async ({ api, io }: Context, name: string) =>
    printRecord(io, await findWebhook(api, name)),
  )
  const test = group
    .command('test <webhook>')
    .description('Send it a test event, and show what came of it')
    .option('--no-wait', 'only send it')
  action(test, env, async ({ api, io }: Context, name: string, { wait }: { wait: boolean }) => {
    const { id } = await findWebhook(api, name)
    const sent = await api.call<{ event_id: string; delivery_id: string }>('POST', `/webhooks/${id}/test`)
    if (!wait) return void printRecord(io, sent)
    return testResult({ api, io }, sent.delivery_id)
  })
}

/** The first attempt says all there is to say: a retry may come minutes later. */
async function testResult({ api, io }: Pick<Context, 'api' | 'io'>, id: string): Promise<number> {
  let delivery: Detail | undefined
  await poll(io.interruptible(), async () => {
    delivery = await api.get<Detail>(`/webhook-deliveries/${id}`)
    return delivery.status === 'pending' ? 'nothing' : 'done'
  })
  if (!delivery) throw new Failure('interrupted before anything had come of it')
  if (io.json) io.out(JSON.stringify(delivery))
  else io.out(deliveryLine(io, delivery))
  return delivery.status === 'succeeded' ? exits.done : exits.refused
}

function addChanges(group: Command, env: Env): void {
  const create = addSettings(group.command('create <address>').description('Register a webhook; its secret is shown this once'))
    .option('--subscribe <pattern>', "an event type, or all below one: 'table.*'; may be repeated", repeated)
    .addHelpText('after', "\n  tidings webhooks create https://example.com/hook --label sales --subscribe 'table.*'")
  action(create, env, async ({ api, io }: Context, url: string, options: Settings & { subscribe?: string[] }) => {
    const webhook = await api.call<WithSecret>('POST', '/webhooks', { url, ...(await membersOf(options)) })
    // shown before anything else can go wrong: it is never shown again
    printRecord(io, webhook)
    for (const event_type of options.subscribe ?? []) await api.call('POST', `/webhooks/${webhook.id}/subscriptions`, { event_type })
    if (!options.subscribe) io.say(`It gets nothing yet: tidings webhooks subscribe ${webhook.id} 'table.*'`)
  })

  const update = addSettings(group.command('update <webhook>').description('Change a webhook; what is not named stays'))
    .option('--address <url>', 'where it delivers to')
    .option('--active', 'switch it on, and forgive it its failures')
    .option('--inactive', 'switch it off')
  action(
    update,
    env,
    async ({ api, io }: Context, name: string, options: Settings & { address?: string; active?: true; inactive?: true }) => {
      if (options.active && options.inactive) throw misused('--active or --inactive, not both')
      const url = options.address === undefined ? {} : { url: options.address }
      const active = options.active ? { active: true } : options.inactive ? { active: false } : {}
      const patch = { ...url, ...active, ...(await membersOf(options)) }
      if (Object.keys(patch).length === 0) throw misused('say what to change: --address, --active, --label, --set …')
      printRecord(io, await api.call<Webhook>('PATCH', `/webhooks/${(await findWebhook(api, name)).id}`, patch))
    },
  )
}

function addEnds(group: Command, env: Env): void {
  const remove = group
    .command('delete <webhook>')
    .description('Remove a webhook; its open deliveries are cancelled, the log stays')
    .option('--yes', 'ask nothing')
  action(remove, env, async ({ api, io }: Context, name: string, { yes }: { yes?: boolean }) => {
    const webhook = await findWebhook(api, name)
    await io.confirm(`Remove ${webhook.label ?? webhook.id} (${webhook.url}), its subscriptions and what is on its way to it?`, yes)
    await api.call('DELETE', `/webhooks/${webhook.id}`)
    io.out(io.json ? JSON.stringify({ id: webhook.id, removed: true }) : `${webhook.id} is removed`)
  })

  const rotate = group
    .command('rotate-secret <webhook>')
    .description('Make a new secret; the old one signs beside it for a while')
    .option('--overlap <seconds>', 'for how long', '86400')
  action(rotate, env, async ({ api, io }: Context, name: string, { overlap }: { overlap: string }) => {
    const { id } = await findWebhook(api, name)
    const rotated = await api.call<WithSecret>('POST', `/webhooks/${id}/rotate-secret`, { overlap_seconds: Number(overlap) })
    printRecord(io, { id, secret: rotated.secret, secrets: rotated.secrets })
  })
}

function addSubscriptions(group: Command, env: Env): void {
  const list = group.command('subscriptions <webhook>').description('What it subscribes to')
  action(list, env, async ({ api, io }: Context, name: string) => {
    const { id } = await findWebhook(api, name)
    printList(io, (await api.get<{ data: Subscription[] }>(`/webhooks/${id}/subscriptions`)).data, {
      id: (one) => one.id,
      event_type: (one) => one.event_type,
      filters: (one) => (Object.keys(one.filters).length > 0 ? one.filters : ''),
    })
  })
  const subscribe = group
    .command('subscribe <webhook> <pattern>')
    .description("Subscribe to an event type, all below one ('table.*'), all that end so ('*.updated'), or all ('*')")
    .option('--filters <json>', 'further conditions: {"domains": ["Sales"]}')
  action(subscribe, env, async ({ api, io }: Context, name: string, event_type: string, { filters }: { filters?: string }) => {
    const { id } = await findWebhook(api, name)
    const body = { event_type, ...(filters !== undefined && { filters: readJson(filters, '--filters') }) }
    printRecord(io, await api.call<Subscription>('POST', `/webhooks/${id}/subscriptions`, body))
  })
  const unsubscribe = group.command('unsubscribe <webhook> <subscription>').description('By the id of the subscription, or its event type')
  action(unsubscribe, env, async ({ api, io }: Context, name: string, which: string) => {
    const { id } = await findWebhook(api, name)
    const { data } = await api.get<{ data: Subscription[] }>(`/webhooks/${id}/subscriptions`)
    const found = data.filter((one) => one.id === which || one.event_type === which)
    if (found.length === 0) throw new Failure(`it has no subscription "${which}"`)
    if (found.length > 1) throw new Failure(`several are to "${which}"; name one by its id: ${found.map((one) => one.id).join(', ')}`)
    await api.call('DELETE', `/webhooks/${id}/subscriptions/${found[0]?.id}`)
    io.out(io.json ? JSON.stringify({ id: found[0]?.id, removed: true }) : `${found[0]?.event_type} is no longer subscribed to`)
  })
}
