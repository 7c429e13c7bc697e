import { setTimeout as wait } from 'node:timers/promises'
import type { Api } from './api.ts'
import { countDeliveries, ofWebhooks, withStatus } from './log.ts'
import type { View } from './progress.ts'
import type { Receiver } from './receiver.ts'
import type { Registered } from './register.ts'

const everyMs = 1_000
type Counts = Record<string, { retrying: number; failed: number }>

/** Keeps an eye on the log while the day is played. What was delivered the receivers know themselves. */
export function watchLog(api: Api, { labels }: Registered) {
  const counts: Counts = {}
  const stopping = new AbortController()
  const { signal } = stopping

  async function look(): Promise<void> {
    for (const [id, label] of labels) {
      const count = (status: 'retrying' | 'failed') => countDeliveries(api, ofWebhooks([id]), withStatus(status))
      counts[label] = { retrying: await count('retrying'), failed: await count('failed') }
    }
  }
  async function keepLooking(): Promise<void> {
    while (!signal.aborted) {
      // only for the eye: who plays the day finds out by himself when Tidings does not answer
      await look().catch(() => {})
      await wait(everyMs, undefined, { signal }).catch(() => {})
    }
  }
  const looking = keepLooking()
  return {
    of: (label: string) => counts[label] ?? { retrying: 0, failed: 0 },
    async stop() {
      stopping.abort()
      await looking
    },
  }
}

export const viewOf = ({ plan, receipts }: Receiver, matched: number, counts: Counts[string]): View['receivers'][number] => ({
  label: plan.label,
  matched,
  delivered: receipts.filter(({ status }) => status !== null && status < 300).length,
  ...counts,
})
