import { setTimeout as pause } from 'node:timers/promises'
import type { Behaviour } from '../chaos/sinks.ts'
import type { System } from '../support/system.ts'
import { waitingFor } from './parked.ts'
import type { Webhook } from './town.ts'

const well: Behaviour = () => ({ answer: 200, afterMs: 5 })

/** They are well again, and somebody says so: resolves when nothing waits for them any more, so that the others are alone once more. */
export async function mend(system: System, webhooks: Webhook[]): Promise<void> {
  for (const webhook of webhooks) {
    webhook.behave = well
    await system.api.patchWebhook(webhook.id, { label: 'mended' })
  }
  for (let waited = 0; waited < 120_000; waited += 500) {
    const waiting = await Promise.all(webhooks.map(({ id }) => waitingFor(system, id)))
    if (waiting.every((count) => count === 0)) return
    await pause(500)
  }
  // those alone would be measured beside it, and the trouble look smaller than it is
  throw new Error('what waits for the mended webhooks was not delivered within two minutes')
}
