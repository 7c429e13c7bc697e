import type { Watch } from '../../shared/watch.ts'
import type { DeliveryWorker } from './worker.ts'

/**
 * A worker that is there only while the clock of the process can be trusted: it is the worker's own clock that decides
 * which delayed jobs are due, for all dispatchers.
 */
export function workWhileTrusted(watch: Pick<Watch, 'whenTrusted'>, start: () => DeliveryWorker): DeliveryWorker {
  let worker: DeliveryWorker | undefined
  let ended = false
  let paused = false
  let changes: Promise<unknown> = Promise.resolve()

  async function follow(trusted: boolean): Promise<void> {
    if (trusted) {
      if (ended || worker) return
      worker = start()
      if (paused) await worker.pause()
      return
    }
    const stopping = worker
    worker = undefined
    await stopping?.stop()
  }
  watch.whenTrusted((trusted) => void (changes = changes.then(() => follow(trusted))))

  return {
    async pause() {
      paused = true
      await worker?.pause()
    },
    resume() {
      paused = false
      worker?.resume()
    },
    isRunning: () => worker?.isRunning() ?? false,
    async stop() {
      ended = true
      await changes
      await worker?.stop()
    },
  }
}
