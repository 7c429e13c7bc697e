/**
 * A job for which its webhook has no room waits here for a moment, if requests to that webhook are ending all the time:
 * parking it would cost more than the wait. Where nothing ends, it is parked at once and leaves its place to others.
 */
export type Room = {
  /** Resolves to whether it is worth asking again. */
  wait(webhookId: string): Promise<boolean>
  /** A request to the webhook has ended. */
  freed(webhookId: string): void
}

const momentMs = 100

export function createRoom(): Room {
  const ended = new Map<string, number>()
  const waiting = new Map<string, Set<() => void>>()

  return {
    wait(webhookId) {
      if ((ended.get(webhookId) ?? 0) < performance.now() - momentMs) return Promise.resolve(false)
      return new Promise((resolve) => {
        const queue = waiting.get(webhookId) ?? new Set()
        waiting.set(webhookId, queue)
        const leave = (again: boolean) => {
          clearTimeout(timer)
          queue.delete(wake)
          if (queue.size === 0) waiting.delete(webhookId)
          resolve(again)
        }
        const wake = () => leave(true)
        const timer = setTimeout(() => leave(false), momentMs)
        queue.add(wake)
      })
    },
    freed(webhookId) {
      if (ended.size > 10_000) ended.clear()
      ended.set(webhookId, performance.now())
      const [first] = waiting.get(webhookId) ?? []
      first?.()
    },
  }
}
