import { z } from 'zod'
import type { EventDraft } from '../../../shared/contracts/event.ts'
import { noData } from '../../../shared/payload/json-text.ts'
import { evaluate, readExpression, readPointer, type Expression } from '../expression.ts'
import { entityOf, textOf, timeOf, typeName } from '../fields.ts'
import { spanAt, type EventSlice } from '../json-slice.ts'
import { readEvents, type ReadEvent, type Report } from '../read-events.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample, SourceSettings } from '../source.ts'

/**
 * Any JSON: the source's settings say where in it things stand (`../expression.ts`). A mapping that leads nowhere leaves
 * its member out; only without a type there is no event.
 */
const expression = z
  .string()
  .min(1)
  .max(500)
  .superRefine((text, context) => {
    const read = readExpression(text)
    if ('fault' in read) context.addIssue({ code: 'custom', message: read.fault })
  })
const pointer = z
  .string()
  .max(500)
  .refine((text) => readPointer(text) !== undefined, 'must be a JSON Pointer (RFC 6901), for example `/items`')

const Settings = z.strictObject({
  events: pointer.optional().describe('Where the array of events stands; left out, the body is one event or an array of them.'),
  id: expression.optional().describe('What tells a repeat: events with the same id are accepted once. Left out, each is new.'),
  type: expression.describe('The event type, for example `table.{action}`.'),
  time: expression.optional().describe('When it happened.'),
  time_unit: z
    .enum(['rfc3339', 'seconds', 'milliseconds', 'microseconds'])
    .default('rfc3339')
    .describe('How the time is written: as text, or as a Unix time.'),
  subject: expression.optional(),
  actor: expression.optional().describe('Who caused it.'),
  entity: z
    .strictObject({
      type: expression,
      id: expression.optional(),
      name: expression.optional(),
      domain: expression.optional(),
      url: expression.optional(),
      owners: pointer.optional().describe('A string, or an array of strings.'),
      tags: pointer.optional().describe('A string, or an array of strings.'),
    })
    .optional()
    .describe('The catalog object that the event is about.'),
  data: pointer.optional().describe('What is delivered as the data of the event; left out, the event as it came.'),
})
type Settings = z.infer<typeof Settings>

function parse(request: ReceivedRequest, limits: Limits, given?: SourceSettings): EventDraft[] {
  const settings = (given ?? Settings.parse({})) as Settings
  const at = readPointer(settings.events ?? '') as string[]
  const drafts = readEvents(request, limits, (_, slice, report) => read(settings, slice, request.headers, report), { at })
  const data = readPointer(settings.data ?? '') as string[]
  return data.length === 0 ? drafts : drafts.map((draft) => ({ ...draft, data: spanAt(draft.raw, data) ?? { text: noData } }))
}

function read(settings: Settings, { raw, path }: EventSlice, headers: ReceivedRequest['headers'], report: Report): ReturnType<ReadEvent> {
  // a body that is no array and has none where the settings say stands here whole
  if (settings.events && path.length === 0)
    return report(`has no array at \`${settings.events}\`, where the source's settings say that events are`)
  const text = (written: string | undefined) =>
    written === undefined ? undefined : evaluate(readExpression(written) as Expression, { raw, headers })
  const type = typeName(text(settings.type))
  if (type === undefined) return report(`has no type: \`${settings.type}\` of the source's settings leads nowhere`)
  const { entity } = settings
  return {
    sourceEventId: text(settings.id),
    type,
    time: timeFrom(text(settings.time), settings.time_unit),
    subject: textOf(text(settings.subject), 3072),
    actor: textOf(text(settings.actor)),
    entity:
      entity &&
      entityOf({
        type: text(entity.type),
        id: text(entity.id),
        name: text(entity.name),
        domain: text(entity.domain),
        url: text(entity.url),
        owners: namesAt(raw, entity.owners),
        tags: namesAt(raw, entity.tags),
      }),
  }
}

function timeFrom(text: string | undefined, unit: Settings['time_unit']): string | undefined {
  if (!text) return undefined
  return unit === 'rfc3339' ? timeOf(text, 'seconds') : timeOf(Number(text), unit)
}

function namesAt(raw: Uint8Array, place: string | undefined): unknown[] | undefined {
  const span = place === undefined ? undefined : spanAt(raw, readPointer(place) as string[])
  if (!span) return undefined
  const names: unknown = JSON.parse(Buffer.from(raw.subarray(span.start, span.end)).toString())
  return Array.isArray(names) ? names : [names]
}

const headers = { 'content-type': 'application/json' }
const samples: SourceSample[] = [
  {
    title: 'a server that names its event in a header',
    headers: { ...headers, 'x-event-key': 'repo:refs_changed', 'x-request-id': '8a60f748' },
    body: '{"date":"2019-03-01T10:31:15+01:00","actor":{"name":"gopher"},"repository":{"id":4,"slug":"repo","project":{"key":"PROJ"}}}',
    settings: {
      id: '{header:X-Request-Id}',
      type: '{header:X-Event-Key}',
      time: '/date',
      actor: '/actor/name',
      entity: { type: 'repository', id: '/repository/id', name: '{/repository/project/key}/{/repository/slug}' },
    },
  },
  {
    title: 'a list of changes within a body',
    headers,
    body: '{"batch":7,"changes":[{"op":"create","id":9007199254740993,"at":1704556800000,"who":["ada","ben"],"row":{"a":1, "a":2}},\n{"op":"drop","id":4}]}',
    settings: {
      events: '/changes',
      id: '/id',
      type: 'table.{op}',
      time: '/at',
      time_unit: 'milliseconds',
      subject: 'tables/{id}',
      entity: { type: 'table', name: 'warehouse.{id}', owners: '/who' },
      data: '/row',
    },
  },
]

export default {
  name: 'generic',
  description: 'Any JSON: the source says with JSON Pointers and templates where type, id, time and entity stand.',
  scheme: 'generic-hmac',
  settings: Settings,
  parse,
  identity: 'id',
  samples,
} satisfies SourceAdapter
