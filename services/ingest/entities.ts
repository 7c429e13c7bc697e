import type { Context, MiddlewareHandler } from 'hono'
import { EntitiesQuery, type ScanResult } from '../../shared/contracts/api/entity.ts'
import type { EventDraft } from '../../shared/contracts/event.ts'
import type { App, AppEnv } from '../../shared/http/app.ts'
import { readContentType } from '../../shared/http/content-type.ts'
import { invalid, Problem } from '../../shared/problem.ts'
import type { Collected, Source } from '../../shared/storage/storage.ts'
import { viewOf, type View } from './collect.ts'
import { defined, entityOf, typeName } from './fields.ts'
import { identify, Refused, type IdentifyDeps } from './identify.ts'
import type { IntakeDeps } from './intake.ts'
import type { Refusals } from './refusals.ts'
import { scalarAt } from './json-slice.ts'
import { readEvents } from './read-events.ts'
import { readPart, scan } from './scan.ts'
import type { Limits, SourceAdapter, SourceRequest } from './source.ts'
import type { Registry } from '../../shared/registry.ts'

type EntityDeps = IntakeDeps &
  IdentifyDeps & {
    adapters: Registry<SourceAdapter>
    refusals?: Pick<Refusals, 'note'> | undefined
    storage: IntakeDeps['storage'] & IdentifyDeps['storage']
  }

const path = '/sources/:source/entities'

/** The collect view of a source: `PUT` brings scans in, `GET` reads it from a cursor on. */
export function addEntityRoutes(
  app: App,
  limited: MiddlewareHandler<AppEnv>,
  receive: (c: Context<AppEnv>) => Promise<SourceRequest>,
  limits: Limits,
  deps: EntityDeps,
): void {
  app.put(path, limited, async (c) => {
    const request = await receive(c)
    let source: Source | undefined
    try {
      source = await identify({ name: c.req.param('source') }, request, deps)
      if (!request.apiKey) deps.authenticate.limits?.takeOrganization(source.organizationId)
      return c.json(await takeScanPart(source, deps.adapters.get(source.adapter), request, limits, deps), 200)
    } catch (error) {
      if (error instanceof Refused) source = error.source
      if (source && error instanceof Problem) deps.refusals?.note(source, error, request.body.length)
      throw error
    }
  })
  app.get(path, async (c) => {
    const { apiKey } = await receive(c)
    const { organizationId } = await deps.authenticate.key(apiKey, 'read')
    const { access_token: _, ...query } = c.req.query()
    const parsed = EntitiesQuery.safeParse(query)
    if (!parsed.success) throw invalid(parsed.error.issues, 'query')
    const name = c.req.param('source')
    if (!(await deps.storage.sources.find(organizationId, name))) throw new Problem('not_found', `there is no source "${name}"`)
    return page(await deps.storage.collect.page(organizationId, name, { ...parsed.data, limit: parsed.data.limit + 1 }), parsed.data.limit)
  })
  app.all(path, (c) => {
    throw new Problem('method_not_allowed', `${c.req.path} takes GET and PUT`, { allow: 'GET, PUT' })
  })
}

/** A push of Sesam's may be a part of a scan and says so in its query: undefined when it does not. */
export async function takeScan(
  source: Source,
  adapter: SourceAdapter,
  request: SourceRequest,
  limits: Limits,
  deps: IntakeDeps & IdentifyDeps,
): Promise<ScanResult | undefined> {
  const isPart = adapter.entityType !== undefined && new URL(request.url).searchParams.has('sequence_id')
  return isPart ? takeScanPart(source, adapter, request, limits, deps) : undefined
}

async function takeScanPart(
  source: Source,
  adapter: SourceAdapter,
  given: SourceRequest,
  limits: Limits,
  deps: IntakeDeps & IdentifyDeps,
): Promise<ScanResult> {
  const view = viewOf(source, adapter)
  if (!view) throw new Problem('conflict', `the source "${source.name}" keeps no entities; give it \`collect\`, even an empty object`)
  const part = readPart(Object.fromEntries(new URL(given.url).searchParams))
  const request = fromLines(given)
  const most = { ...limits, eventsPerRequest: deps.settings.scanMaxEntities }
  const drafts = adapter.entityType ? adapter.parse(request, most, source.settings) : readEntities(view, request, most)
  return scan(view, part, drafts, request.headers, deps)
}

/** Newline-delimited JSON is an array without its brackets and commas. */
function fromLines(request: SourceRequest): SourceRequest {
  const type = readContentType(request.headers['content-type'])?.essence
  if (type !== 'application/x-ndjson' && type !== 'application/jsonl') return request
  const lines = Buffer.from(request.body)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const body = Buffer.from(`[${lines.join(',')}]`, 'latin1')
  return { ...request, body, headers: { ...request.headers, 'content-type': 'application/json' } }
}

/** Entities of a source whose adapter reads events: the settings of the view say where things stand. */
function readEntities({ settings, entityType }: View, request: SourceRequest, limits: Limits): EventDraft[] {
  const { id_member: idMember, type_member: typeMember, name_member: nameMember } = settings
  return readEvents(request, limits, (_, { raw }, report) => {
    const id = scalarAt(raw, idMember)
    if (id === undefined || id === '' || id.length > 500) return report('must be a string of 1 to 500 characters, or a number', idMember)
    const type = typeName((typeMember && scalarAt(raw, typeMember)) ?? settings.entity_type ?? entityType) ?? entityType
    const entity = entityOf(defined({ type, id, name: (nameMember && scalarAt(raw, nameMember)) || id }))
    return { type: `${type}.updated`, entity }
  })
}

function page(rows: Collected[], limit: number): Response {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const meta = { next_cursor: rows.length > limit && last ? String(last.seq) : null, has_more: rows.length > limit }
  // The members of an entity are as they were written; to parse them would round large numbers.
  const body = `{"data":[${shown.map(textOf).join(',')}],"meta":${JSON.stringify(meta)}}`
  return new Response(body, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
}

function textOf({ entityId, deleted, seq, hash, updatedAt, entity }: Collected): string {
  const own = JSON.stringify({ _id: entityId, _deleted: deleted, _updated: seq, _hash: hash, _ts: updatedAt * 1000 })
  return entity === '{}' ? own : `${own.slice(0, -1)},${entity.slice(1)}`
}
