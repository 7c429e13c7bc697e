import { describe, it } from 'vitest'
import type { RedisProgram } from '../../infra/redis/server.ts'
import { lookForRedis } from './redis.ts'

/** Defines the same tests for every kind; one that cannot be had here is skipped and says why. */
export async function eachRedis(title: string, suite: (program: RedisProgram) => void): Promise<void> {
  for (const [kind, look] of Object.entries(lookForRedis)) {
    const looked = await look()
    if ('program' in looked) describe(`${looked.program.label} (${kind}) ${title}`, () => suite(looked.program))
    else describe(`Redis (${kind}) ${title}`, () => it('is not to be had here', (context) => context.skip(looked.reason)))
  }
}
