import { batchOf, jobIdOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { OpenDelivery, Storage } from '../../shared/storage/storage.ts'
import { keys, laneMember } from '../../shared/transport.ts'

type Deps = {
  redis: Redis
  prefix: string
  storage: Pick<Storage, 'deliveries'>
  queue: Pick<DeliveryQueue, 'promote' | 'hasten' | 'alive'>
}

/** Of each page that is looked at; a pass comes every ten seconds. */
const hastenedAtOnce = 100

/**
 * Has those run that nobody will let out: their time has come and they have a job, but it stands on no list of those that
 * wait for their webhook, and in no lane behind another. So it is after a failover that brought the job along and not the
 * list. For a job that waits in the queue or is under way this changes nothing.
 */
export async function letOutForgotten(due: OpenDelivery[], deps: Deps): Promise<void> {
  if (due.length === 0) return
  const [parked, heads] = await Promise.all([areParked(due, deps), headsOf(due, deps)])
  const forgotten = due.filter((open, i) => {
    if (parked[i]) return false
    const head = open.lane === null ? undefined : heads.get(open.lane)
    return head === undefined || head === laneMember({ ...open, batchId: batchOf(open), jobId: jobIdOf(open) })
  })
  await deps.queue.promote(forgotten.map(jobIdOf))
  // Fresh events come first, and for ever where there are too many of them: so many of the others have their turn all the same.
  const patient = forgotten.filter(({ step }) => step > 0).slice(0, hastenedAtOnce)
  await deps.queue.hasten(patient.map(jobIdOf))
}

async function areParked(due: OpenDelivery[], { redis, prefix }: Deps): Promise<boolean[]> {
  const pipeline = redis.pipeline()
  for (const open of due) pipeline.zscore(keys(prefix).parked(open.webhookId), jobIdOf(open))
  return ((await pipeline.exec()) ?? []).map(([, score]) => score !== null)
}

/**
 * Who is first in each lane. One whose job is no more holds the others up for nothing, and is taken out; unless its
 * delivery is open, and only waits in SQL until it is due.
 */
async function headsOf(due: OpenDelivery[], { redis, prefix, queue, storage }: Deps): Promise<Map<string, string>> {
  const key = keys(prefix)
  const lanes = [...new Set(due.flatMap(({ lane }) => lane ?? []))]
  if (lanes.length === 0) return new Map()
  const pipeline = redis.pipeline()
  for (const lane of lanes) pipeline.zrange(key.lane(lane), '0', '0')
  const answers = (await pipeline.exec()) ?? []
  const heads = lanes.flatMap((lane, i): [string, string][] => ((answers[i]?.[1] ?? []) as string[]).map((head) => [lane, head]))
  const jobOf = (member: string) => member.slice(member.indexOf('/') + 1)
  const alive = await queue.alive(heads.map(([, head]) => jobOf(head)))
  const ended = await endedOf([...new Set(heads.map(([, head]) => jobOf(head)).filter((job) => !alive.has(job)))], storage)
  await Promise.all(heads.filter(([, head]) => ended.has(jobOf(head))).map(([lane, head]) => redis.zrem(key.lane(lane), head)))
  return new Map(heads.filter(([, head]) => !ended.has(jobOf(head))))
}

/** Of jobs that are no more, those of which nothing is open. A job's name is that of its delivery or batch. */
async function endedOf(jobs: string[], { deliveries }: Pick<Storage, 'deliveries'>): Promise<Set<string>> {
  if (jobs.length === 0) return new Set()
  const nameOf = (job: string) => job.slice(0, job.lastIndexOf('.'))
  const open = new Set((await deliveries.stillOpen(jobs.map(nameOf))).map(jobIdOf))
  const batches = await Promise.all(jobs.map((job) => deliveries.openInBatch(nameOf(job))))
  return new Set(jobs.filter((job, i) => !open.has(job) && batches[i]?.length === 0))
}
