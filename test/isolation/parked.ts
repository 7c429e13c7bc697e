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

/** Deliveries that wait for room at the webhook: parked, or held. */
export async function waitingFor(system: System, webhook: string): Promise<number> {
  const held = {
    and: [
      { field: 'webhook_id', op: 'eq', value: webhook },
      { field: 'status', op: 'in', value: ['pending', 'retrying'] },
      { field: 'next_attempt_at', op: 'is_null', value: true },
    ],
  } as const
  return (await parkedOf(system, webhook)) + (await system.api.count(held as never))
}

async function parkedOf(system: System, webhook: string): Promise<number> {
  const redis = new Redis(redisOptions(system.redis.url))
  try {
    return await redis.zcard(keys(prefix).parked(webhook))
  } finally {
    redis.disconnect()
  }
}
