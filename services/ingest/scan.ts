import { z } from 'zod'
import type { ScanResult } from '../../shared/contracts/api/entity.ts'
import type { EventDraft } from '../../shared/contracts/event.ts'
import { createId } from '../../shared/id.ts'
import { invalid, Problem } from '../../shared/problem.ts'
import type { Collected, Scan } from '../../shared/storage/storage.ts'
import { collect, type CollectDeps, type CollectResult, type View } from './collect.ts'
import type { Submission } from './accept.ts'

/** Sesam's request parameters of a push in parts; all left out, the request is a whole scan by itself. */
const flag = z.enum(['true', 'false'], 'must be `true` or `false`').transform((text) => text === 'true')
const requestId = z.string().min(1).max(200)
const Parameters = z
  .object({
    sequence_id: z.string().min(1).max(200).optional(),
    is_full: flag.optional(),
    request_id: requestId.optional(),
    previous_request_id: requestId.optional(),
    is_first: flag.optional(),
    is_last: flag.optional(),
    allow_empty: flag.default(false),
  })
  .superRefine((given, context) => {
    const missing = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
    if (given.sequence_id !== undefined) {
      if (given.request_id === undefined) missing('request_id', 'is missing: it names the part within the sequence')
      if (!given.is_first && given.previous_request_id === undefined)
        missing('previous_request_id', 'is missing: it says which part came before; only the first, with `is_first=true`, has none')
    } else
      for (const name of ['request_id', 'previous_request_id', 'is_first', 'is_last'] as const)
        if (given[name] !== undefined) missing('sequence_id', `is missing: \`${name}\` belongs to a scan in parts`)
  })
export type Part = z.infer<typeof Parameters>

/** @throws Problem that names the parameter */
export function readPart(query: Record<string, string>): Part {
  const parsed = Parameters.safeParse(query)
  if (!parsed.success) throw invalid(parsed.error.issues, 'query')
  return parsed.data
}

const pageRows = 2_000
const mostTries = 10

/**
 * One part of a scan, or a scan in one. Each part is brought into the view as it comes; what the scan has not had is
 * deleted with the last part of a full one, in the same transaction as that part.
 */
export async function scan(
  view: View,
  part: Part,
  drafts: EventDraft[],
  headers: Submission['headers'],
  deps: CollectDeps,
): Promise<ScanResult> {
  for (let tries = 0; tries < mostTries; tries++) {
    const begun = await begin(view, part, deps)
    if ('repeated' in begun) return resultOf(begun.repeated)
    const { row, expects } = begun
    const isWhole = part.sequence_id === undefined
    const isLast = isWhole || part.is_last === true
    const gone = isLast && row.isFull ? await missing(view, row, drafts, deps) : []
    refuseEmpty(row, drafts, gone, part)
    const next: Scan = { ...row, lastRequestId: part.request_id ?? row.id, state: isLast ? 'finished' : 'running' }
    // a scan in one leaves no marks behind: nothing asks for them
    const occasion = { headers, gone, scan: { ...next, expects }, scanId: isWhole ? null : row.id }
    const done = await collect(view, drafts, occasion, deps)
    if (done) return resultOf({ ...next, ...total(next, done) })
  }
  throw new Problem('unavailable', 'this source is being changed by others all the time; send this part again', { retryAfterSeconds: 1 })
}

const total = (row: Scan, { counts }: CollectResult) => ({
  created: row.created + counts.created,
  updated: row.updated + counts.updated,
  deleted: row.deleted + counts.deleted,
  unchanged: row.unchanged + counts.unchanged,
})

type Begun = { row: Scan; expects: string | null } | { repeated: Scan }

/** Is this the part that is due? @throws Problem when it is not */
async function begin({ organizationId, source }: View, part: Part, { storage, clock }: CollectDeps): Promise<Begun> {
  const id = part.sequence_id ?? createId()
  const known = part.sequence_id === undefined ? undefined : await storage.collect.scan(organizationId, source, id)
  // The answer was lost on its way: the part is in the view already, whole, as a part is one transaction.
  if (known && known.state !== 'broken' && known.lastRequestId === part.request_id) return { repeated: known }
  if (!part.is_first && part.sequence_id !== undefined) return { row: followed(known, part), expects: known?.lastRequestId ?? null }
  if (known) throw broken(`sequence_id: "${id}" was begun before; begin again with a new one`, 'sequence_id')
  const { seq } = await storage.collect.extent(organizationId, source)
  const counts = { created: 0, updated: 0, deleted: 0, unchanged: 0 }
  const row: Scan = {
    id,
    isFull: part.is_full ?? true,
    lastRequestId: '',
    startSeq: seq,
    state: 'running',
    ...counts,
    startedAt: clock.now(),
  }
  return { row, expects: null }
}

function followed(known: Scan | undefined, part: Part): Scan {
  const again = 'begin again with `is_first=true` and a new `sequence_id`'
  if (!known) throw broken(`sequence_id: there is no sequence "${part.sequence_id}"; ${again}`, 'sequence_id')
  if (known.state === 'broken') throw broken(`sequence_id: another scan was begun since; ${again}`, 'sequence_id')
  if (known.state === 'finished') throw broken(`sequence_id: this sequence has had its last part; ${again}`, 'sequence_id')
  if (known.lastRequestId !== part.previous_request_id)
    throw broken(
      `previous_request_id: the part before was "${known.lastRequestId}"; send what follows it, or ${again}`,
      'previous_request_id',
    )
  if (part.is_full !== undefined && part.is_full !== known.isFull)
    throw broken(`is_full: the sequence was begun with ${String(known.isFull)}`, 'is_full')
  return known
}

const broken = (detail: string, parameter: string): Problem =>
  new Problem('conflict', `query.${detail}`, {
    errors: [{ field: `query.${parameter}`, message: detail.slice(detail.indexOf(':') + 2) }],
  })

async function missing({ organizationId, source }: View, row: Scan, drafts: EventDraft[], { storage }: CollectDeps): Promise<Collected[]> {
  const here = new Set(drafts.map((draft) => draft.entity?.id))
  const gone: Collected[] = []
  for (let after: string | undefined; ; ) {
    const page = await storage.collect.missing(organizationId, source, row, { limit: pageRows, after })
    for (const one of page) if (!here.has(one.entityId)) gone.push(one)
    after = page.at(-1)?.entityId
    if (page.length < pageRows) return gone
  }
}

/** A catalog that answers with nothing is broken more often than it is empty. */
function refuseEmpty({ created, updated, unchanged }: Scan, drafts: EventDraft[], gone: Collected[], { allow_empty }: Part): void {
  if (allow_empty || gone.length === 0 || drafts.length + created + updated + unchanged > 0) return
  throw new Problem(
    'conflict',
    `a full scan without any entity would delete all ${gone.length} that there are; if that is so, send it with \`allow_empty=true\``,
    { errors: [{ field: 'query.allow_empty', message: 'must be `true` to delete every entity of the source' }] },
  )
}

const resultOf = ({ id, isFull, state, created, updated, deleted, unchanged }: Scan): ScanResult => ({
  id,
  is_full: isFull,
  status: state,
  created,
  updated,
  deleted,
  unchanged,
})
