import type { Redis } from 'ioredis'
import { batchOf, jobIdOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { OpenDelivery } from '../../shared/storage/storage.ts'
import { keys, laneMember } from '../../shared/transport.ts'

/**
 * Has those run that nobody will let out: their time has come and they have a job, but it stands on no list of those that
 * wait for their webhook, and in no lane behind another. So it is after a failover that brought the job along and not the
 * list. For a job that waits in the queue or is under way this changes nothing.
 */
export async function letOutForgotten(
  due: OpenDelivery[],
  { redis, prefix, queue }: { redis: Redis; prefix: string; queue: Pick<DeliveryQueue, 'promote'> },
): Promise<void> {
  if (due.length === 0) return
  const key = keys(prefix)
  const pipeline = redis.pipeline()
  for (const open of due) {
    pipeline.zscore(key.parked(open.webhookId), jobIdOf(open))
    if (open.lane === null) pipeline.exists(key.lane(''))
    else pipeline.zrange(key.lane(open.lane), '0', '0')
  }
  const answers = (await pipeline.exec()) ?? []
  const forgotten = due.filter((open, i) => {
    const [parked, heads] = [answers[2 * i]?.[1], answers[2 * i + 1]?.[1]]
    if (parked !== null || open.lane === null) return parked === null
    const [head] = heads as string[]
    return head === undefined || head === laneMember({ ...open, batchId: batchOf(open), jobId: jobIdOf(open) })
  })
  await queue.promote(forgotten.map(jobIdOf))
}
