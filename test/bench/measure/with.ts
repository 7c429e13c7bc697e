import type { Deployment } from '../../support/deployments.ts'
import { startBare, startSink, type Bare, type Sink } from '../peers.ts'
import { openStage, type Stage, type StageOptions } from '../stage.ts'
import { webhooksAt } from '../tidings.ts'

export type Scale = {
  /** What Tidings stands on; the peers stay as they are. */
  deployment: Deployment
  quick: boolean
  rounds: number
  say(line: string): void
}
/** What is measured is a process that has been running: for its first thousands its code is still being compiled. */
export const warmUpOf = (quick: boolean): number => (quick ? 1_500 : 10_000)

type Set = { stage: Stage; sink: Sink; bare: Bare }

/** Tidings with its usual webhooks, the bare peer and the sink that both deliver to; ended whatever happens. */
export async function withBoth<T>(
  { workers = 1, ...options }: StageOptions & { workers?: number },
  body: (set: Set) => Promise<T>,
): Promise<T> {
  return withStage(options, async (stage, sink) => {
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const bare = await startBare(stage.redisServer.url, sink, { workers })
    try {
      return await body({ stage, sink, bare })
    } finally {
      await bare.stop()
    }
  })
}

export async function withStage<T>(options: StageOptions, body: (stage: Stage, sink: Sink) => Promise<T>): Promise<T> {
  const sink = await startSink()
  try {
    const stage = await openStage(options)
    try {
      return await body(stage, sink)
    } finally {
      await stage.stop()
    }
  } finally {
    await sink.stop()
  }
}
