import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'
import type { Clock } from '../clock.ts'
import { Problem } from '../problem.ts'
import type { Redis } from '../redis.ts'
import type { ApiKey } from '../storage/storage.ts'

export type Limits = { perKey: number; perOrganization: number }
export type RateLimits = {
  /** Counts a request by a key. @throws Problem when there were too many in this second */
  takeKey(key: ApiKey): void
  /** Counts a request that shows no key, by whose it turned out to be. @throws Problem */
  takeOrganization(organizationId: string): void
  /** What to tell a client: draft-ietf-httpapi-ratelimit-headers-11. */
  headers(key: ApiKey): Record<string, string>
  stop(): void
}

/** What one process knows of one key or organization: what it may still ask for, and how much of this second is whose. */
type Bucket = { left: number; at: number; quota: number; count: Count }
type Count = { second: number; own: number; told: number; others: number }
type Policy = { name: 'key' | 'organization'; of: string; quota: number }

const tellEveryMs = 100

/**
 * So many requests a second for a key, and for an organization: a token bucket that holds a second's worth and fills up
 * steadily, so that a flood is let in one by one. Were a second's worth there at once whenever a second begins, all of it
 * would come in together, and the others' requests behind it. Each process counts in memory, so that a request costs no
 * round trip, and tells Redis ten times a second what it has counted; the answer says what all the others have. A flood
 * over several processes may get through for that tenth. With Redis away each counts for itself.
 *
 * @param name of the service: its requests are counted apart
 */
export function createRateLimits(
  name: string,
  { perKey, perOrganization }: Limits,
  clock: Clock,
  shared?: { redis: Redis; prefix: string },
): RateLimits {
  const buckets = new LRUCache<string, Bucket>({ max: 20_000 })
  const untold = new Map<string, { bucket: Bucket; count: Count }>()
  const store = shared && createStore(name, shared)
  const timer = store && setInterval(() => void tell(), tellEveryMs).unref()

  const secondOf = (now: number) => Math.floor(now / 1_000)
  const none = (now: number): Count => ({ second: secondOf(now), own: 0, told: 0, others: 0 })

  function bucketOf({ of, quota }: Policy): Bucket {
    const now = clock.now()
    const known = buckets.get(of)
    if (!known) {
      const full = { left: quota, at: now, quota, count: none(now) }
      buckets.set(of, full)
      return full
    }
    known.left = Math.min(quota, known.left + (Math.max(0, now - known.at) * quota) / 1_000)
    known.at = now
    known.quota = quota
    if (known.count.second !== secondOf(now)) known.count = none(now)
    return known
  }

  const policiesOf = ({ id, organizationId, rateLimit }: ApiKey): Policy[] => [
    { name: 'key', of: `key:${id}`, quota: rateLimit ?? perKey },
    ofOrganization(organizationId),
  ]
  const ofOrganization = (id: string): Policy => ({ name: 'organization', of: `organization:${id}`, quota: perOrganization })
  const left = (policy: Policy): number => Math.max(0, Math.floor(bucketOf(policy).left))

  function take(policies: Policy[]): void {
    const spent = policies.find((policy) => left(policy) === 0)
    if (spent) throw tooMany(spent, describe(policies))
    for (const policy of policies) {
      const bucket = bucketOf(policy)
      const { count } = bucket
      bucket.left--
      count.own++
      if (store) untold.set(`${policy.of}:${count.second}`, { bucket, count })
    }
  }

  const describe = (policies: Policy[]): Record<string, string> => {
    let policy = ''
    let scarce = { name: '', left: Number.POSITIVE_INFINITY }
    for (const one of policies) {
      policy += `${policy && ', '}"${one.name}";q=${one.quota};w=1`
      const rest = left(one)
      if (rest < scarce.left) scarce = { name: one.name, left: rest }
    }
    return { 'ratelimit-policy': policy, ratelimit: `"${scarce.name}";r=${scarce.left};t=1` }
  }

  async function tell(): Promise<void> {
    const batch = [...untold]
    untold.clear()
    await Promise.all(
      batch.map(async ([of, { bucket, count }]) => {
        const fresh = count.own - count.told
        count.told += fresh
        const all = await store?.penalty(of, fresh)
        if (all) {
          const others = Math.max(count.others, all.consumedPoints - count.told)
          // not below one second's worth of debt: who came in between the tellings is let off the rest
          bucket.left = Math.max(-bucket.quota, bucket.left - (others - count.others))
          count.others = others
        }
        // worth asking again while it lasts: others may be at it too
        const isNear = (count.own + count.others) * 10 >= bucket.quota
        if (isNear && count.second === secondOf(clock.now())) untold.set(of, { bucket, count })
      }),
    )
  }

  return {
    takeKey: (key) => take(policiesOf(key)),
    takeOrganization: (organizationId) => take([ofOrganization(organizationId)]),
    headers: (key) => describe(policiesOf(key)),
    stop: () => clearInterval(timer),
  }
}

/** Counters of a second live a little longer than it; the other limiter stands in for a Redis that does not answer. */
function createStore(name: string, { redis, prefix }: { redis: Redis; prefix: string }): RateLimiterRedis {
  const options = { points: Number.MAX_SAFE_INTEGER, duration: 3, keyPrefix: `${prefix}:rate:${name}` }
  const insuranceLimiter = new RateLimiterMemory(options)
  return new RateLimiterRedis({ ...options, storeClient: redis, rejectIfRedisNotReady: true, insuranceLimiter })
}

const tooMany = ({ name, quota }: Policy, headers: Record<string, string>) =>
  new Problem('rate_limited', `more than ${quota} requests in a second by one ${name}; send again after \`Retry-After\` seconds`, {
    retryAfterSeconds: 1,
    headers,
  })
