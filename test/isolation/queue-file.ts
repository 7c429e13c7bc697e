import { setTimeout as pause } from 'node:timers/promises'
import type { System } from '../support/system.ts'

/**
 * Has Redis rewrite its file now. It does so by itself after every 256 MB, for half a second that everybody feels: what was
 * only made ready for a scenario must not bring it about in the midst of what is measured. The bundled one has no file.
 */
export async function rewriteQueueFile({ redis }: System): Promise<void> {
  if (redis.kind === 'bundled') return
  await redis.ask('BGREWRITEAOF')
  const isBusy = async () => /^aof_rewrite_(in_progress|scheduled):1/m.test(await redis.ask('INFO', 'persistence'))
  for (let waited = 0; await isBusy(); waited += 100) {
    if (waited > 30_000) throw new Error('Redis has not rewritten its file within half a minute')
    await pause(100)
  }
}
