import { setTimeout as wait } from 'node:timers/promises'

export type RunningChild = { pid: number; exited: Promise<string>; stop(): Promise<void>; kill(): Promise<void> }

export type KeptChild = {
  /** Of the process that runs now; 0 while there is none. */
  pid(): number
  /** Ends it for good. */
  stop(): Promise<void>
  kill(): Promise<void>
}

const firstDelayMs = 100
const longestDelayMs = 10_000
/** Who ran this long was healthy: the next failure is a new story. */
const healthyAfterMs = 60_000

/** Starts a child and starts it again whenever it dies, ever later while it keeps dying. */
export async function keepRunning(name: string, start: () => Promise<RunningChild>, say: (line: string) => void): Promise<KeptChild> {
  const stopping = new AbortController()
  let child: RunningChild | undefined = await start()

  const watch = async () => {
    let delayMs = firstDelayMs
    let startedAt = Date.now()
    while (!stopping.signal.aborted) {
      const how = child ? await child.exited : 'could not be started'
      child = undefined
      if (stopping.signal.aborted) return
      if (Date.now() - startedAt > healthyAfterMs) delayMs = firstDelayMs
      say(`${name} ended (${how}); starting it again in ${delayMs} ms`)
      await wait(delayMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      delayMs = Math.min(delayMs * 2, longestDelayMs)
      startedAt = Date.now()
      child = await start().catch((error: Error) => void say(`${name}: ${error.message}`))
    }
  }
  const watching = watch()

  const end = async (how: 'stop' | 'kill') => {
    stopping.abort()
    await child?.[how]()
    await watching
    // it may have been in the middle of starting again
    await child?.[how]()
  }
  return { pid: () => child?.pid ?? 0, stop: () => end('stop'), kill: () => end('kill') }
}
