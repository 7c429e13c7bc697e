import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Event, EventDraft } from '../../shared/contracts/event.ts'
import type { Format, RenderContext } from '../../shared/payload/format.ts'
import { Problem } from '../../shared/problem.ts'
import { loadRegistry, type Registry } from '../../shared/registry.ts'
import type { Scheme, SchemeParams } from '../../shared/signing/scheme.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../../services/ingest/source.ts'

/** Every implementation there is, so that the contract tests reach a new one by its mere existence. */
export const loadSchemes = () => loadRegistry<Scheme>('scheme', new URL('../../shared/signing/schemes/', import.meta.url))
export const loadFormats = () => loadRegistry<Format>('format', new URL('../../shared/payload/formats/', import.meta.url))
export const loadSources = () => loadRegistry<SourceAdapter>('source', new URL('../../services/ingest/sources/', import.meta.url))

/** How a scheme is set up in the contract tests, where it needs more than a secret. */
export type SchemeSetup = {
  title: string
  params?: SchemeParams
  method?: string
  url?: string
  createSecret: () => string
  /** The sender's own libraries hold only the past to the tolerance, and so do we (CONTRACTS §6). */
  takesFuture?: boolean
  /** The sender's own libraries refuse a request without a body. */
  refusesEmptyBody?: boolean
}

const createSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const createHexKey = () => randomBytes(32).toString('hex')

/** A private key in the form of Standard Webhooks: seed and public key, the last 32 bytes of what DER holds of each. */
export function createKeyPair() {
  const pair = generateKeyPairSync('ed25519')
  const seed = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
  const point = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { secret: `whsk_${Buffer.concat([seed, point]).toString('base64')}`, publicKey: `whpk_${point.toString('base64')}` }
}

const signedRequest = { method: 'POST', url: 'https://hooks.example.com/in/hubspot?src=hs%3Aapp%2Fv3&keep=%20%26' }

const setups: Record<string, Partial<SchemeSetup>[]> = {
  stripe: [{ takesFuture: true }],
  shopify: [{ refusesEmptyBody: true }],
  'hubspot-v2': [signedRequest],
  'hubspot-v3': [{ ...signedRequest, takesFuture: true }],
  'standard-webhooks-ed25519': [{ createSecret: () => createKeyPair().secret }],
  'sesam-hmac': [{ params: { header: 'X-Superoffice-Signature' } }],
  'sesam-token': [{ title: 'the header it has by default' }, { title: 'another header', params: { header: 'X-Token' } }],
  'generic-hmac': [
    { title: 'no more than a header', params: { header: 'X-Signature' } },
    {
      title: 'a timestamp, base64 and a key in hexadecimal',
      params: {
        header: 'X-Acme-Signature',
        algorithm: 'sha512',
        encoding: 'base64',
        prefix: 'v9:',
        signed: 'acme:{timestamp}:{body}:end',
        timestamp_header: 'X-Acme-Time',
        key_encoding: 'hex',
      },
      createSecret: createHexKey,
    },
    { title: 'SHA-1, as old senders have it', params: { header: 'X-Signature', algorithm: 'sha1', prefix: 'sha1=' } },
  ],
}

/** Every way in which a scheme is put through the contract tests; a new scheme needs to be named here only where it needs more. */
export const setupsOf = (name: string): SchemeSetup[] =>
  (setups[name] ?? [{}]).map((setup) => ({ title: 'with a secret alone', createSecret, ...setup }))

export const limits: Limits = { eventBytes: 256 * 1024, eventsPerRequest: 100, depth: 64 }

export const received = (sample: Pick<SourceSample, 'headers' | 'body'>): ReceivedRequest => ({
  headers: sample.headers,
  body: Buffer.from(sample.body),
})

/** Hands a body to a source's adapter as a request of JSON, with the source's settings. */
export const poster =
  (sources: Registry<SourceAdapter>) =>
  (name: string, body: unknown, headers: Record<string, string> = {}, settings: Record<string, unknown> = {}): EventDraft[] => {
    const source = sources.get(name)
    const sample = {
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }
    return source.parse(received(sample), limits, source.settings?.parse(settings))
  }

export function dataOf({ raw, data }: EventDraft): string {
  return 'text' in data ? data.text : Buffer.from(raw.subarray(data.start, data.end)).toString()
}

/** A webhook as formats see it, without settings of its own. */
export const plainContext: RenderContext = {
  webhook: { id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b22', label: 'mirror' },
  settings: {},
  secrets: ['whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0'],
}

/**
 * The same for one format, set up as the example of its own settings says: a new format with settings carries one
 * (`.meta({ examples })`), which the API's reference shows as well.
 */
export function contextFor(format: Format, settings?: unknown): RenderContext {
  if (!format.settings) return plainContext
  const [example] = (format.settings.meta()?.examples ?? []) as unknown[]
  return { ...plainContext, settings: format.settings.parse(settings ?? example ?? {}) }
}

/** What acceptance makes of a draft, with an id and a time that are always the same. */
export function toEvent(draft: EventDraft): Event {
  const { raw: _, data: __, time = '2026-04-15T09:00:03.000Z', ...own } = draft
  return { ...own, id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11', organizationId: 'org', source: 'warehouse', time, data: dataOf(draft) }
}

/** The problem that an action is refused with; a fault, or no refusal at all, fails the test. */
export function problemOf(action: () => unknown): Problem {
  try {
    action()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('was not refused')
}

export const fieldsOf = (action: () => unknown) => problemOf(action).errors?.map((error) => error.field)

/** Every sample of every source, as the events that are made of it. */
export async function sampleEvents(): Promise<{ title: string; event: Event }[]> {
  const sources = (await loadSources()).all()
  return sources.flatMap((source) =>
    source.samples.flatMap((sample) =>
      source
        .parse(received(sample), limits, source.settings?.parse(sample.settings ?? {}))
        .map((draft, i) => ({ title: `${source.name}: ${sample.title} (${i})`, event: toEvent(draft) })),
    ),
  )
}
