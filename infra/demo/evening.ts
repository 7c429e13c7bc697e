import { setTimeout as wait } from 'node:timers/promises'
import { DemoError, type Api } from './api.ts'
import { countDeliveries, ofWebhooks, readDeliveries, withStatus } from './log.ts'
import type { Registered } from './register.ts'

/** Without any change for so long, waiting longer would not help: what is missing then is for the accounts to say. */
const patienceMs = 40_000
const everyMs = 200

/** Waits until every expected delivery is there and none is open. */
export async function settle(api: Api, { labels }: Registered, expected: number, signal: AbortSignal): Promise<void> {
  const ours = ofWebhooks(labels.keys())
  let before = ''
  let changedAt = Date.now()
  for (;;) {
    const total = await countDeliveries(api, ours)
    const open = await countDeliveries(api, ours, withStatus('pending', 'retrying'))
    if (total >= expected && open === 0) return
    if (`${total} ${open}` !== before) changedAt = Date.now()
    if (Date.now() - changedAt > patienceMs) return
    before = `${total} ${open}`
    await wait(everyMs, undefined, { signal })
  }
}

export async function countFailed(api: Api, { labels }: Registered): Promise<Record<string, number>> {
  const failed: Record<string, number> = {}
  for (const [id, label] of labels) failed[label] = await countDeliveries(api, ofWebhooks([id]), withStatus('failed'))
  return failed
}

export type Mended = { receiver: string; delivery: string; redelivery: string; matched: number; redelivered: number }
type Redelivery = { id: string; status: string; matched: number; redelivered: number }

/** Sends again what one receiver missed: a single delivery to see whether it works, then all others by a filter. */
export async function redeliver(api: Api, { labels }: Registered, label: string, signal: AbortSignal): Promise<Mended | undefined> {
  const [webhook] = [...labels].find(([, name]) => name === label) ?? []
  const missed = { and: [ofWebhooks([webhook as string]), withStatus('failed')] }
  const [first] = await readDeliveries(api, missed)
  if (!first) return undefined
  await api.ask('POST', `/webhook-deliveries/${first.id}/redeliver`)
  let redelivery = await api.ask<Redelivery>('POST', '/webhook-deliveries/redeliver', { filter: missed })
  for (const until = Date.now() + patienceMs; redelivery.status === 'running'; await wait(everyMs, undefined, { signal })) {
    if (Date.now() > until)
      throw new DemoError(`redelivery ${redelivery.id} does not end: ${redelivery.redelivered} of ${redelivery.matched}`)
    redelivery = await api.ask<Redelivery>('GET', `/redeliveries/${redelivery.id}`)
  }
  return {
    receiver: label,
    delivery: first.id,
    redelivery: redelivery.id,
    matched: redelivery.matched,
    redelivered: redelivery.redelivered,
  }
}
