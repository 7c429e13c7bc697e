import type { Change } from '../../shared/contracts/event.ts'
import { openIngestApp, type IngestApp } from './ingest-app.ts'

export type Told = { type: string; id: string | undefined; change?: Change | undefined; data: unknown }
export type Reply = { status: number; body: Record<string, unknown>; told: Told[] }
type Listed = { data: Record<string, unknown>[]; meta: { next_cursor: string | null; has_more: boolean } }
type Source = Omit<Parameters<IngestApp['addSource']>[0], 'name' | 'adapter'> & { adapter?: string }

/** Ingest with sources that keep entities, and what catalogs do with them. */
export type Catalogs = {
  ingest: IngestApp
  /** What was sent, its answer, and the events that it led to. */
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  put(name: string, entities: unknown, query?: string, headers?: Record<string, string>): Promise<Reply>
  post(name: string, entities: unknown): Promise<Reply>
  read(name: string, query?: string, key?: string): Promise<{ status: number; body: Listed; text: string }>
  /** A catalog without webhooks, one of its own for each call; its name. */
  aCatalog(members?: Source): Promise<string>
  /** A source of Sesam's. */
  sesam(members?: Source): Promise<string>
  /** From now on a change of the view is made and its answer lost, as when a process dies in between. */
  dieAfterChanges(die: boolean): void
  close(): Promise<void>
}

export const types = ({ told }: Reply): string[] => told.map(({ type, id }) => `${type} ${id}`)

export async function openCatalogs(): Promise<Catalogs> {
  let dies = false
  const ingest = await openIngestApp({ scanMaxEntities: '1000' }, (storage) => ({
    ...storage,
    collect: {
      ...storage.collect,
      async apply(change, request) {
        const result = await storage.collect.apply(change, request)
        if (dies) throw new Error('died')
        return result
      },
    },
  }))
  const key = await ingest.keyOf('org')
  const reader = await ingest.keyOf('org', 'read')
  let last = 0

  const send: Catalogs['send'] = async (method, path, body, headers = {}) => {
    const from = ingest.offered.length
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const sent = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers }
    const response = await ingest.app.request(path, { method, body: text, headers: sent })
    const told = ingest.offered.slice(from).map(({ envelope, data }) => ({
      type: envelope.type,
      id: envelope.entity?.id,
      ...(envelope.change && { change: envelope.change }),
      data: JSON.parse(data) as unknown,
    }))
    return { status: response.status, body: (await response.json()) as Record<string, unknown>, told }
  }
  const aCatalog: Catalogs['aCatalog'] = async (members = {}) => {
    const name = `catalog-${++last}`
    const collect = { id_member: '_id', entity_type: 'table' }
    await ingest.addSource({ adapter: 'generic', scheme: null, settings: { type: 'x' }, collect, ...members, name })
    return name
  }

  return {
    ingest,
    send,
    put: (name, entities, query = '', headers = {}) => send('PUT', `/sources/${name}/entities${query}`, entities, headers),
    post: (name, entities) => send('POST', `/sources/${name}/events`, entities),
    async read(name, query = '', shown = reader) {
      const response = await ingest.app.request(`/sources/${name}/entities${query}`, { headers: { authorization: `Bearer ${shown}` } })
      const text = await response.text()
      return { status: response.status, body: JSON.parse(text) as Listed, text }
    },
    aCatalog,
    sesam: (members = {}) => aCatalog({ adapter: 'sesam', settings: { datatype: 'company' }, collect: null, ...members }),
    dieAfterChanges: (die) => void (dies = die),
    close: ingest.close,
  }
}
