import { keepSlowly, quantile, timeHealthy } from './slow-clients.ts'
import { startTarget, type Target } from './target.ts'

export type SlowReport = {
  ok: boolean
  sockets: number
  seconds: number
  /** Longest life of a slow connection. */
  longestSeconds: number
  healthyP99Ms: number
  besideSlowP99Ms: number
  /** To be 2 at most. */
  ratio: number
  requestsMeanwhile: number
  descriptorsBefore: number | undefined
  descriptorsAfter: number | undefined
  complaints: string[]
}

/** V3: crowds of slow clients come again and again, and a healthy one goes on. */
export async function fuzzSlowly({ sockets, seconds }: { sockets: number; seconds: number }): Promise<SlowReport> {
  const target = await startTarget()
  try {
    const { port, key } = target
    const timed = (ms: number) => {
      const end = performance.now() + ms
      return timeHealthy({ port, key, until: () => performance.now() > end })
    }
    await timed(2_000)
    const healthy = await timed(Math.min(10_000, seconds * 1_000))
    const before = await settled(target)
    const end = performance.now() + seconds * 1_000
    let longest = 0
    let slow = true
    const crowds = (async () => {
      do {
        const lives = await keepSlowly({ port, key, each: Math.ceil(sockets / 4), withinMs: 15_000 })
        longest = Math.max(longest, ...Object.values(lives).flat())
      } while (performance.now() < end)
      slow = false
    })()
    const beside = await timeHealthy({ port, key, until: () => !slow })
    await crowds
    const after = await settled(target, before)
    const [p99, besideP99] = [quantile(healthy, 0.99), quantile(beside, 0.99)]
    const ratio = besideP99 / p99
    const isBack = before === undefined || (after ?? 0) <= before
    return {
      ok: longest <= 10_000 && ratio <= 2 && isBack && target.isAlive() && target.complaints().length === 0,
      sockets,
      seconds,
      longestSeconds: rounded(longest / 1_000),
      healthyP99Ms: rounded(p99),
      besideSlowP99Ms: rounded(besideP99),
      ratio: rounded(ratio),
      requestsMeanwhile: beside.length,
      descriptorsBefore: before,
      descriptorsAfter: after,
      complaints: target.complaints().slice(0, 20),
    }
  } finally {
    await target.stop()
  }
}

const rounded = (value: number) => Math.round(value * 100) / 100

/** Connections end a moment after their clients have seen it, kept ones after 5 seconds. */
async function settled(target: Target, wanted?: number): Promise<number | undefined> {
  let open = await target.descriptors()
  for (let tries = 0; tries < 80 && (wanted === undefined ? tries < 64 : (open ?? 0) > wanted); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    open = await target.descriptors()
  }
  return open
}
