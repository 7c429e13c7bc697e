import { createHash } from 'node:crypto'
import type { Accepted } from '../../shared/contracts/api/accept.ts'
import type { EventDraft } from '../../shared/contracts/event.ts'
import { createId } from '../../shared/id.ts'
import { Problem } from '../../shared/problem.ts'
import type { NewPartial, Source, Storage } from '../../shared/storage/storage.ts'
import { accept, type AcceptDeps, type Submission } from './accept.ts'
import { collect, viewOf, type CollectDeps } from './collect.ts'
import type { Lookups } from './lookup-worker.ts'
import type { SourceAdapter } from './source.ts'

export type IntakeDeps = AcceptDeps & CollectDeps & { storage: Pick<Storage, 'partials'>; lookups: Pick<Lookups, 'offer'> }

/**
 * Where the events of a source go: those that only say that something happened wait to be looked up; entities are
 * compared with what is known of them; all others are accepted as they are. Whichever it is, it is on disk when this
 * returns.
 */
export async function takeIn(
  source: Source,
  adapter: SourceAdapter,
  drafts: EventDraft[],
  headers: Submission['headers'],
  deps: IntakeDeps,
): Promise<Accepted> {
  const { organizationId, name } = source
  if (source.lookup) return { events: [], partials: await receivePartials(source, adapter, drafts, headers, deps) }
  const view = adapter.entityType && viewOf(source, adapter)
  if (view) return { events: (await collect(view, drafts, { headers }, deps))?.events ?? [] }
  return { events: await accept({ organizationId, source: name, drafts, headers, identity: acceptIdentity(adapter) }, deps) }
}

/** An id that is made of the content is, for events that are kept nowhere else, an id. */
export const acceptIdentity = ({ identity }: SourceAdapter): Submission['identity'] => (identity === 'content' ? 'id' : identity)

async function receivePartials(
  source: Source,
  adapter: SourceAdapter,
  drafts: EventDraft[],
  headers: Submission['headers'],
  { storage, lookups, pressure, clock, log }: IntakeDeps,
): Promise<{ id: string; duplicate: boolean }[]> {
  pressure.check()
  const now = clock.now()
  const list = drafts.map((draft, i) => newPartial(source, draft, keyOf(draft, headers, i), headers, now))
  const result = await storage.partials.receive(list, adapter.identity ?? 'bytes').catch((cause: unknown) => {
    log.error({ err: cause }, 'partial events not stored')
    throw new Problem('unavailable', 'the events could not be stored; send them again', { retryAfterSeconds: 2, cause })
  })
  if (result.kind === 'conflict') {
    const field = list.length === 1 ? 'id' : `[${result.index}].id`
    const message = 'is the id of another event with another body; an event never changes, so give the new one a new id'
    throw new Problem('conflict', `${field}: ${message}`, { errors: [{ field, message }] })
  }
  lookups.offer(result.partials.filter(({ duplicate }) => !duplicate).map(({ id }) => id))
  for (const { id, duplicate } of result.partials)
    if (!duplicate) log.info({ partialId: id, source: source.name }, 'partial event received')
  return result.partials
}

/** Its own id; or its place in a request that has a key of its own. */
function keyOf(draft: EventDraft, headers: Submission['headers'], place: number): string | null {
  const key = headers['idempotency-key']
  if (key !== undefined && (key.length === 0 || key.length > 255))
    throw new Problem('invalid', 'idempotency-key: must have 1 to 255 characters', {
      errors: [{ field: 'headers.idempotency-key', message: 'must have 1 to 255 characters' }],
    })
  return draft.sourceEventId ?? (key === undefined ? null : `${key} ${place}`)
}

function newPartial(
  source: Source,
  { raw, data, ...draft }: EventDraft,
  dedupKey: string | null,
  { traceparent }: Submission['headers'],
  receivedAt: number,
): NewPartial {
  const bytes = 'text' in data ? Buffer.from(data.text) : raw.subarray(data.start, data.end)
  return {
    id: createId(),
    organizationId: source.organizationId,
    source: source.name,
    dedupKey,
    bodyHash: createHash('sha256').update(bytes).digest('hex'),
    draft,
    raw: bytes,
    // what the event goes on with, once it is whole
    headers: traceparent === undefined ? {} : { traceparent },
    receivedAt,
  }
}
