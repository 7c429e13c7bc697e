import type { SourceAdapter } from '../../services/ingest/source.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import { sampleOf, type Document } from './sample.ts'

/** A request as it ought to be, to be broken in some way. */
export type Template = {
  method: string
  /** Parameters in braces: `/webhooks/{id}`. */
  path: string
  headers: Record<string, string>
  /** Text of a body, where the route takes one. */
  body?: string
  /** Signs the body as the source of this path does. */
  sign?: (body: Buffer, now: number) => Record<string, string>
  /** Names of query parameters that it reads. */
  query: string[]
  /** Accepts events: each 202 promises that their bytes are kept. */
  accepts: boolean
}

const json = { 'content-type': 'application/json' }
const pages = [
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/docs',
  '/docs/reference.js',
  '/docs/swagger-ui.css',
  '/queues',
  '/queues/api/queues',
]

/** Every route that there is: of the reference, of the adapters that have paths of their own, and of the pages. */
export function templatesOf(document: Document, adapters: Registry<SourceAdapter>, signers: Map<string, Signer>): Template[] {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name)
      const contents = Object.entries(operation.requestBody?.content ?? {})
      const base = { method: method.toUpperCase(), path, query, accepts: false }
      if (contents.length === 0) return [{ ...base, headers: {} }]
      return contents.map(([type, { schema }]) => ({
        ...base,
        headers: { 'content-type': type },
        body: JSON.stringify(sampleOf(schema, document)),
      }))
    }),
  )
  const plain = pages.map((path) => ({ method: 'GET', path, headers: {}, query: [], accepts: false }))
  const steering = described.filter(({ method, path }) => !(method === 'POST' && path.endsWith('/events')))
  return [...steering, ...plain, ...adapters.all().flatMap((adapter) => intakeOf(adapter, signers.get(adapter.name)))]
}

/** How a source of one adapter signs what it posts; none where it shows a key. */
export type Signer = { scheme: Scheme; secret: string; params?: Record<string, unknown> }

/** All doors of one kind of catalog, each with every sample that the adapter itself gives. */
function intakeOf(adapter: SourceAdapter, signer: Signer | undefined): Template[] {
  const doors = [...(['tidings', 'cloudevents'].includes(adapter.name) ? ['/events'] : []), `/sources/fuzz-${adapter.name}/events`]
  const own = (adapter.paths ?? []).map((path) => path.replace(':token', '{key}').replace(/:\w+/, `fuzz-${adapter.name}`))
  return [...doors, ...own].flatMap((path) =>
    adapter.samples.map((sample) => ({
      method: 'POST',
      path,
      headers: { ...json, ...sample.headers },
      body: sample.body,
      query: ['access_token'],
      accepts: true,
      ...(signer && path !== '/events' && { sign: signWith(signer, path) }),
    })),
  )
}

const signWith =
  ({ scheme, secret, params }: Signer, path: string) =>
  (body: Buffer, now: number): Record<string, string> =>
    scheme.sign({
      id: `fuzz-${now}`,
      now,
      body,
      secrets: [secret],
      method: 'POST',
      url: `http://127.0.0.1${path}`,
      ...(scheme.params && { params: scheme.params.parse(params ?? {}) }),
    })
