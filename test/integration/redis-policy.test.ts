import { afterEach, expect, it } from 'vitest'
import { requireNoEviction } from '../../shared/redis.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
afterEach(() => parts().redis.config('SET', 'maxmemory', '0'))

const limited = async (policy: string) => {
  const { redis } = parts()
  await redis.config('SET', 'maxmemory-policy', policy)
  await redis.config('SET', 'maxmemory', '100mb')
  return redis
}

it('a Redis that drops what it was given is not worked with, and the error says what to do', async () => {
  await expect(requireNoEviction(await limited('allkeys-lru'))).rejects.toThrow('config set maxmemory-policy noeviction')
})

it('one that keeps everything is', async () => {
  await requireNoEviction(await limited('noeviction'))
})

it('one without a limit is, whatever its policy', async () => {
  await parts().redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  await requireNoEviction(parts().redis)
})
