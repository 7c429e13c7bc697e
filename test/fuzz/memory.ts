import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export type Memory = { heapBytes: number; rssBytes: number }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is in use of this process's memory once all garbage is gone. */
export function collected(): Memory {
  // a first pass frees what finalizers then let go of
  for (let pass = 0; pass < 3; pass++) collect()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heapBytes: heapUsed + external, rssBytes: rss }
}
