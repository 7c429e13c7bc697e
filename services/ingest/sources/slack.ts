import { parseJson } from '../../../shared/http/json.ts'
import { entityOf, recordOf, textOf, timeOf, typeName } from '../fields.ts'
import { readEvents, type ReadEvent } from '../read-events.ts'
import type { Answer, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * Slack's Events API: the type is that of the event within, with its subtype (`message.channel_join`); what Slack says
 * about the app itself (`app_rate_limited`) has its own. The channel is the entity. `url_verification` is answered with
 * its challenge and is no event.
 */
const read: ReadEvent = (envelope, _, report) => {
  const event = recordOf(envelope.event)
  const type = typeName(textOf(event.type ?? envelope.type, 100), textOf(event.subtype, 90))
  if (type === undefined) return report('must be a string, for example `event_callback`', 'type')
  return {
    sourceEventId: textOf(envelope.event_id),
    type,
    time: timeOf(envelope.event_time, 'seconds'),
    actor: textOf(event.user),
    entity: typeof event.channel === 'string' ? entityOf({ type: 'channel', id: event.channel, name: event.channel }) : undefined,
  }
}

function handshake({ body }: ReceivedRequest): Answer | undefined {
  let request: Record<string, unknown>
  try {
    request = recordOf(parseJson(body))
  } catch {
    return undefined
  }
  const { type, challenge } = request
  return type === 'url_verification' && typeof challenge === 'string' ? { status: 200, body: challenge } : undefined
}

const samples: SourceSample[] = [
  {
    title: 'a message',
    headers: { 'content-type': 'application/json' },
    body: '{"type":"event_callback","team_id":"T123ABC456","event_id":"Ev123ABC456","event_time":1355517523,"event":{"type":"message","subtype":"channel_join","channel":"C123ABC456","user":"U123ABC456","ts":"1355517523.000005"}}',
  },
  {
    title: 'a word about the app',
    headers: { 'content-type': 'application/json' },
    body: '{"type":"app_rate_limited","team_id":"T123ABC456","minute_rate_limited":1518467820}',
  },
]

export default {
  name: 'slack',
  description: 'Slack: the Events API.',
  scheme: 'slack',
  parse: (request, limits) => readEvents(request, limits, read),
  identity: 'id',
  handshake,
  samples,
} satisfies SourceAdapter
