import type { App } from './http/app.ts'
import type { Metrics } from './metrics.ts'

/** What every service is once it runs: an app to serve, a word on its health, and a way to end it. */
export type Service = {
  app: App
  /** Each dependency by name, `ok` or what is wrong; the service is ready when all are `ok`. */
  ready(): Promise<Record<string, string>>
  metrics: Metrics
  /** Takes no new work, finishes what runs, releases what it holds. Resolves when nothing is left running. */
  stop(): Promise<void>
}
