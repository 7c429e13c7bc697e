import { Redis } from 'ioredis'
import { keys } from '../../shared/transport.ts'
import { queueName } from '../../shared/queue.ts'
import { redisOptions } from '../../shared/redis.ts'
import type { System } from '../support/system.ts'

const prefix = '{tidings}'

/** Of the jobs that are parked now: how often one was taken from the queue beyond the attempts that it had. */
export async function requeues(system: System, webhooks: string[]): Promise<{ most: number; parked: number }> {
  const redis = new Redis(redisOptions(system.redis.url))
  try {
    const jobs = (await Promise.all(webhooks.map((id) => redis.zrange(keys(prefix).parked(id), '0', '-1')))).flat()
    const counts = await Promise.all(jobs.map((job) => redis.hmget(`${prefix}:${queueName}:${job}`, 'ats', 'atm')))
    return { most: Math.max(0, ...counts.map(([started, made]) => Number(started ?? 0) - Number(made ?? 0))), parked: jobs.length }
  } finally {
    redis.disconnect()
  }
}

/** Resolves when nothing is parked for the webhook any more. */
export async function parkedOf(system: System, webhook: string): Promise<number> {
  const redis = new Redis(redisOptions(system.redis.url))
  try {
    return await redis.zcard(keys(prefix).parked(webhook))
  } finally {
    redis.disconnect()
  }
}
