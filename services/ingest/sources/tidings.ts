import { z } from 'zod'
import { EventInput, type EventDraft } from '../../../shared/contracts/event.ts'
import { requireContentType } from '../../../shared/http/content-type.ts'
import { parseJson } from '../../../shared/http/json.ts'
import { noData } from '../../../shared/payload/json-text.ts'
import { invalid, Problem } from '../../../shared/problem.ts'
import { eventSlices, memberSpan } from '../json-slice.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * Our own JSON: one event, or an array of them. All or nothing: one wrong event refuses the request, so that its
 * sender never has to find out which of them were taken. `data` is kept as the bytes that came.
 */
const Events = z.array(EventInput)

function parse({ headers, body }: ReceivedRequest, limits: Limits): EventDraft[] {
  requireContentType(headers['content-type'], 'application/json')
  const slices = eventSlices(body, parseJson(body, limits.depth), limits)
  if (slices.length === 0) throw new Problem('invalid', 'body: the array holds no event')
  const parsed = Events.safeParse(slices.map((slice) => slice.value))
  if (!parsed.success) {
    const single = slices[0]?.path.length === 0
    throw invalid(parsed.error.issues.map((issue) => (single ? { ...issue, path: issue.path.slice(1) } : issue)))
  }
  return parsed.data.map((input, index) => draftOf(input, (slices[index] as { raw: Uint8Array }).raw))
}

function draftOf({ id, type, time, subject, actor, entity, change }: EventInput, raw: Uint8Array): EventDraft {
  return {
    type,
    ...(id !== undefined && { sourceEventId: id }),
    ...(time !== undefined && { time }),
    ...(subject !== undefined && { subject }),
    ...(actor !== undefined && { actor }),
    ...(entity && { entity }),
    ...(change && { change }),
    raw,
    data: memberSpan(raw, 'data') ?? { text: noData },
  }
}

const headers = { 'content-type': 'application/json' }
const tableUpdated = {
  id: 'orders-2026-04-15-1',
  type: 'table.updated',
  time: '2026-04-15T09:00:03Z',
  subject: 'warehouse.sales.orders',
  actor: 'ada',
  entity: {
    type: 'table',
    id: '4711',
    name: 'warehouse.sales.orders',
    domain: 'Sales',
    owners: ['team-sales'],
    tags: ['PII.Sensitive', 'Tier.Gold'],
  },
  change: {
    updated: [{ name: 'columns.zip.description', old_value: 'zip', new_value: 'Postal code' }],
    added: [{ name: 'tags', new_value: ['Tier.Gold'] }],
  },
}

const samples: SourceSample[] = [
  {
    title: 'a table was changed, with entity, change and data',
    headers,
    // numbers and members that a JSON library would not keep
    body: JSON.stringify(tableUpdated).replace(/}$/, ',"data":{"rows": 9007199254740993, "zip": 1, "zip": 2, "ratio": 1.0}}'),
  },
  { title: 'the least an event must have', headers, body: '{"type":"glossary.term.created"}' },
  { title: 'entity and change, no data', headers, body: JSON.stringify(tableUpdated) },
  {
    title: 'two events in one request',
    headers,
    body: '[{"type":"dashboard.created","entity":{"type":"dashboard","name":"sales.weekly"}},\n {"type":"dashboard.deleted","data":["sales.daily", null]}]',
  },
]

export default {
  name: 'tidings',
  description: 'The native JSON of Tidings: one event or an array of events.',
  scheme: null,
  parse,
  samples,
} satisfies SourceAdapter
