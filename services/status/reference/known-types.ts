import type { StatusDeps } from '../deps.ts'

/** An event type that a catalog is known to send, with a sample of its data where there is one. */
export type KnownType = { type: string; description: string; data?: unknown }

type Family = { adapter: string; of: string[]; what: string[] }

/** What the catalogs' own documentation names; each sends more of the same kind. */
const families: Family[] = [
  {
    adapter: 'openmetadata',
    of: ['table', 'topic', 'dashboard', 'pipeline', 'testCase'],
    what: ['created', 'updated', 'softDeleted', 'deleted'],
  },
  { adapter: 'opteryx', of: ['dataset', 'view', 'collection'], what: ['create', 'update', 'delete'] },
  { adapter: 'foundry', of: ['ontology.object'], what: ['created', 'updated', 'deleted'] },
]
const limits = { eventBytes: 1024 * 1024, eventsPerRequest: 100, depth: 64 }

/** Those, and what the adapters make of their own samples, which have data as well. */
export function knownTypes(adapters: StatusDeps['adapters']): KnownType[] {
  const documented = families.flatMap(({ adapter, of, what }) =>
    of.flatMap((thing) => what.map((verb) => ({ type: `${thing}.${verb}`, description: `${adapter}: as its documentation names it` }))),
  )
  return [...documented, ...adapters.all().flatMap(sampled)]
}

function sampled(adapter: ReturnType<StatusDeps['adapters']['get']>): KnownType[] {
  return adapter.samples.flatMap(({ title, headers, body, settings }) => {
    const drafts = adapter.parse({ headers, body: Buffer.from(body) }, limits, adapter.settings?.parse(settings ?? {}))
    return drafts.map(({ type, raw, data }) => {
      const text = 'text' in data ? data.text : Buffer.from(raw.subarray(data.start, data.end)).toString()
      return { type, description: `${adapter.name}: ${title}`, data: JSON.parse(text) as unknown }
    })
  })
}
