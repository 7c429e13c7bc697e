import { setTimeout as pause } from 'node:timers/promises'
import type { Api } from './api.ts'
import { anEvent } from './builders.ts'

export type Publishing = {
  /** Ids, as they come. */
  accepted: string[]
  /** Resolves with all of them. */
  stop(): Promise<string[]>
}

const betweenMs = 10

/** Publishes a few events again and again, whether they are taken or refused, until it is told to stop. */
export function keepPublishing(api: Pick<Api, 'publish'>): Publishing {
  const accepted: string[] = []
  let stopping = false
  const publishing = (async () => {
    for (; !stopping; await pause(betweenMs)) accepted.push(...(await api.publish([anEvent(), anEvent()]).catch(() => [])))
  })()
  return {
    accepted,
    async stop() {
      stopping = true
      await publishing
      return accepted
    },
  }
}
