import { setTimeout as wait } from 'node:timers/promises'
import { createSecret } from '../../shared/id.ts'
import { DemoError, type Api } from './api.ts'
import type { OpenSource } from './play.ts'
import type { SourcePlan } from './posts.ts'
import type { Receiver } from './receiver.ts'

/** What is registered in Tidings for the day. */
export type Registered = { labels: Map<string, string>; sources: OpenSource[] }

/** Makes a webhook with its subscriptions for each receiver, and a source for each catalog that has words of its own. */
async function register({ labels, sources }: Registered, receivers: Receiver[], plans: SourcePlan[], api: Api): Promise<void> {
  for (const receiver of receivers) {
    const { label, scheme, format, retry, timeoutMs: timeout_ms, subscriptions } = receiver.plan
    const wanted = { url: receiver.url, label, scheme, format, retry, timeout_ms }
    const { id, secret } = await api.ask<{ id: string; secret: string }>('POST', '/webhooks', wanted)
    receiver.secret = secret
    labels.set(id, label)
    await api.ask('PUT', `/webhooks/${id}/subscriptions`, subscriptions)
  }
  for (const plan of plans) {
    // given by the catalog, as most of them do it; what is made here would not suit every scheme
    const source = { ...plan, ...(plan.scheme !== null && { secret: createSecret() }) }
    await api.ask('POST', '/sources', source)
    sources.push(source)
  }
}

/** In a Tidings of our own. */
export async function registerInOwn(receivers: Receiver[], plans: SourcePlan[], api: Api): Promise<Registered> {
  const registered: Registered = { labels: new Map(), sources: [] }
  await register(registered, receivers, plans, api)
  return registered
}

/** In a Tidings that is there already: looks before it leaps, and can be undone however far it came. */
export async function registerInGiven(
  registered: Registered,
  receivers: Receiver[],
  plans: SourcePlan[],
  { api, anyway, signal }: { api: Api; anyway: boolean; signal: AbortSignal },
): Promise<void> {
  if (!anyway) await refuseOthers(api)
  try {
    await register(registered, receivers, plans, api)
  } catch (error) {
    throw explainRefusal(error)
  }
  await checkLoopback(registered, api, signal)
  for (const { receipts } of receivers) receipts.length = 0
}

/** A Tidings that goes on without us must not go on sending to us. */
export async function unregister({ labels, sources }: Registered, api: Api): Promise<void> {
  for (const id of labels.keys()) await api.ask('DELETE', `/webhooks/${id}`)
  for (const { name } of sources) await api.ask('DELETE', `/sources/${name}`)
}

/** Consumers of somebody else would take the played day for a real one. */
async function refuseOthers(api: Api): Promise<void> {
  const { data } = await api.ask<{ data: { label: string | null; url: string; active: boolean }[] }>('GET', '/webhooks?limit=200')
  const others = data.filter(({ active }) => active)
  if (others.length === 0) return
  const names = `${others
    .slice(0, 3)
    .map(({ label, url }) => label ?? url)
    .join(', ')}${others.length > 3 ? ', …' : ''}`
  const why = `${api.url} has active webhooks (${names}), ${others.length} in all, that may get the day's events too.`
  throw new DemoError(`${why} --anyway plays it all the same.`)
}

const allowLoopback = 'Start that Tidings with ALLOWED_ADDRESSES=127.0.0.0/8, on this machine: the receivers of the demo are on loopback.'
const testWithinMs = 15_000

type TestDelivery = { status: string; last_outcome: string | null; last_error: string | null; last_status_code: number | null }

/** One test event to one receiver: says before the day begins what would otherwise be seen at its end. */
async function checkLoopback({ labels }: Registered, api: Api, signal: AbortSignal): Promise<void> {
  const [webhook] = labels.keys()
  const { delivery_id } = await api.ask<{ delivery_id: string }>('POST', `/webhooks/${webhook}/test`)
  for (const until = Date.now() + testWithinMs; Date.now() < until; await wait(100, undefined, { signal })) {
    const delivery = await api.ask<TestDelivery>('GET', `/webhook-deliveries/${delivery_id}`).catch(() => undefined)
    if (delivery?.status === 'succeeded') return
    if (!delivery?.last_outcome) continue
    const why = delivery.last_error ?? `answered ${delivery.last_status_code}`
    throw new DemoError(`${api.url} does not reach a receiver on loopback: ${delivery.last_outcome}, ${why}. ${allowLoopback}`)
  }
  throw new DemoError(`${api.url} did not deliver a test event within ${testWithinMs / 1000} s: does a dispatcher run?`)
}

/** The first webhook is refused where loopback is: its reason is kept, and what helps is said. */
const explainRefusal = (error: unknown): unknown =>
  error instanceof DemoError && error.message.startsWith('POST /webhooks ') ? new DemoError(`${error.message}\n${allowLoopback}`) : error
