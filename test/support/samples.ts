import type { Event, EventDraft } from '../../shared/contracts/event.ts'
import type { Format, RenderContext } from '../../shared/payload/format.ts'
import { Problem } from '../../shared/problem.ts'
import { loadRegistry } from '../../shared/registry.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../../services/ingest/source.ts'

/** Every implementation there is, so that the contract tests reach a new one by its mere existence. */
export const loadSchemes = () => loadRegistry<Scheme>('scheme', new URL('../../shared/signing/schemes/', import.meta.url))
export const loadFormats = () => loadRegistry<Format>('format', new URL('../../shared/payload/formats/', import.meta.url))
export const loadSources = () => loadRegistry<SourceAdapter>('source', new URL('../../services/ingest/sources/', import.meta.url))

export const limits: Limits = { eventBytes: 256 * 1024, eventsPerRequest: 100, depth: 64 }

export const received = (sample: Pick<SourceSample, 'headers' | 'body'>): ReceivedRequest => ({
  headers: sample.headers,
  body: Buffer.from(sample.body),
})

export function dataOf({ raw, data }: EventDraft): string {
  return 'text' in data ? data.text : Buffer.from(raw.subarray(data.start, data.end)).toString()
}

/** A webhook as formats see it, without settings of its own. */
export const plainContext: RenderContext = {
  webhook: { id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b22', label: 'mirror' },
  settings: {},
  secrets: ['whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0'],
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
