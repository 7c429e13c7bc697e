/** What a delivery is doing, by whose code runs; of several that fit the first counts. */
const stages: Record<string, [stage: string, owners: RegExp][]> = {
  ingest: [
    ['reading and checking the event', /^(zod|shared\/(http\/json|contracts)|services\/ingest\/(json-slice|sources|fields|read-events))/],
    ['HTTP in, 202 out; key, limits, metrics', /^(@hono|hono|lru-cache|prom-client|shared\/(http|metrics)|services\/ingest\/routes)/],
    ['accepting, matching', /^(uuid|shared\/(id|matcher|lane)|services\/ingest\/(accept|matching|pressure|observe))/],
    ['SQLite: event and delivery', /^(better-sqlite3|drizzle-orm|shared\/storage)/],
    ['job and body to Redis', /^(ioredis|bullmq|msgpackr|shared\/(redis|queue|transport|shards|gather)|services\/ingest\/(relay|marks))/],
  ],
  dispatcher: [
    ['the job, by BullMQ', /^(bullmq|msgpackr|shared\/queue|services\/dispatcher\/worker)/],
    ['rendering, signing', /^(shared\/(payload|signing)|services\/dispatcher\/(prepare|payloads))/],
    ['the request', /^(undici|shared\/http)/],
    [
      'to Redis and back: gate, start, end',
      /^(ioredis|shared\/(redis|transport|gather)|services\/dispatcher\/(report|retell|parking|room))/,
    ],
    ['the spine: load, decide, note', /^(services\/dispatcher|shared|lru-cache|uuid|prom-client)/],
  ],
  status: [
    ['from the stream', /^(ioredis|shared\/(redis|transport)|services\/status\/(record|starts|outcome-stream))/],
    ['SQLite: attempt and delivery', /^(better-sqlite3|drizzle-orm|shared\/storage)/],
  ],
}
const runtime = /^(node|garbage collector|system calls)$/

export type StageTime = { service: string; stage: string; us: number }

/** @param spent microseconds by whose code it was */
export function stagesOf(service: string, spent: Record<string, number>): StageTime[] {
  const times = new Map<string, number>((stages[service] ?? []).map(([stage]) => [stage, 0]))
  for (const [owner, us] of Object.entries(spent)) {
    const found = stages[service]?.find(([, owners]) => owners.test(owner))?.[0]
    const stage = found ?? (runtime.test(owner) ? 'Node, garbage collection' : 'all else')
    times.set(stage, (times.get(stage) ?? 0) + us)
  }
  return [...times].map(([stage, us]) => ({ service, stage, us }))
}

const usOfBlock = 10

/** One line each, as long as it takes. */
export function flame(list: StageTime[]): string {
  const width = Math.max(...list.map(({ stage }) => stage.length))
  let last = ''
  return list
    .map(({ service, stage, us }) => {
      const head = service === last ? '' : service
      last = service
      return `${head.padEnd(10)} ${stage.padEnd(width)} ${us.toFixed(0).padStart(5)} ${'█'.repeat(Math.max(1, Math.round(us / usOfBlock)))}`
    })
    .join('\n')
}
