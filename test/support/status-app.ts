import { createStatusApp } from '../../services/status/app.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import { createLogger } from '../../shared/logger.ts'
import type { DeliveryQueue, QueuedDelivery } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import { openVault } from '../../shared/secrets.ts'
import { shardsOf } from '../../shared/shards.ts'
import type { Scope, Storage } from '../../shared/storage/storage.ts'
import type { StatusDeps } from '../../services/status/deps.ts'
import { anId, someTime } from './builders.ts'
import { loadFormats, loadSchemes, loadSources } from './samples.ts'
import { dialects, type Dialect } from './storage.ts'

export type Answer<T = Record<string, unknown>> = { status: number; headers: Headers; body: T; text: string }
export type StatusApp = {
  deps: StatusDeps
  storage: Storage
  /** What was given to the queue, in order. */
  queued: QueuedDelivery[]
  /** Ids of the events whose bodies were put into Redis. */
  bodies: string[]
  /** How often dispatchers were told that the registry has changed. */
  announced(): number
  clock: { now(): number; forward(ms: number): void }
  makeKey(scopes: Scope[], organizationId?: string): Promise<string>
  /** JSON in, JSON out; `key: null` shows no key, text is sent as it is. */
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    options?: { key?: string | null; headers?: Record<string, string> },
  ): Promise<Answer<T>>
  close(): Promise<void>
}

/** The whole app of the status service over a real database; of Redis there is only a record of what it was asked. */
export async function openStatusApp(members: Partial<StatusDeps> = {}): Promise<StatusApp> {
  const { storage, close } = await (dialects[0] as Dialect).open()
  const queued: QueuedDelivery[] = []
  const bodies: string[] = []
  const bull = { metaValues: { version: 'bullmq' }, name: 'deliveries', opts: {} } as unknown as DeliveryQueue['bull']
  let announced = 0
  let now = someTime
  const clock = { now: () => now, forward: (ms: number) => void (now += ms) }
  const deps: StatusDeps = {
    storage,
    vault: openVault(Buffer.alloc(32, 7)),
    queue: { add: async (list) => void queued.push(...list), waiting: async () => 0 },
    shards: shardsOf([{ prefix: '{test}', queue: { bull } }]),
    bodies: { put: async (list) => void bodies.push(...list.map(({ envelope }) => envelope.id)) },
    policy: createAddressPolicy({ allow: [] }),
    schemes: await loadSchemes(),
    formats: await loadFormats(),
    adapters: await loadSources(),
    settings: { disableAfterDays: 5, redeliveryRate: 200, queuesWritable: false },
    redis: { set: async () => void announced++ } as unknown as Redis,
    log: createLogger('test', 'silent'),
    clock,
    ready: async () => ({ storage: 'ok' }),
    ...members,
  }
  const app = createStatusApp(deps)

  async function makeKey(scopes: Scope[], organizationId = 'org'): Promise<string> {
    const text = createApiKey()
    await storage.keys.create(
      { id: anId(), organizationId, label: scopes.join(), scopes, createdAt: now, expiresAt: null, lastUsedAt: null, rateLimit: null },
      hashApiKey(text),
    )
    return text
  }
  const admin = await makeKey(['admin'])

  const call: StatusApp['call'] = async (method, path, body, { key = admin, headers = {} } = {}) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const sent: Record<string, string> = {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(text !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    }
    const response = await app.request(path, { method, headers: sent, ...(text !== undefined && { body: text }) })
    const answer = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(answer) : {}) as never, text: answer }
  }

  return { deps, storage, queued, bodies, announced: () => announced, clock, makeKey, call, close }
}
