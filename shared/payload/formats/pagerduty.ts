import { z } from 'zod'
import type { Event } from '../../contracts/event.ts'
import { typeMatches } from '../../match.ts'
import { dedupKey } from '../dedup-key.ts'
import type { Answer, Format, Judgement, Payload, RenderContext } from '../format.ts'
import { answerObject, failed, succeeded } from '../judge.ts'
import { isGone, lifecycleOf } from '../lifecycle.ts'
import { changeText, moreText, readMessage, type Message } from '../message.ts'
import { readOutcome, type Outcome } from '../outcome.ts'
import { cleaned, clip } from '../text.ts'

/**
 * An event of PagerDuty's Events API v2. What went wrong triggers; what went well, came back or is gone resolves, under
 * the same `dedup_key`, made from the entity. News of another kind triggers as `info`, unless the settings say more.
 * Limits: summary 1024, dedup_key 255, routing_key 32 characters, 512 KB in all.
 */
const Severity = z.enum(['critical', 'error', 'warning', 'info'])
type Severity = z.infer<typeof Severity>

const Settings = z
  .strictObject({
    routing_key: z
      .string()
      .regex(/^[\x21-\x7e]{1,32}$/, 'must be the integration key of a service, at most 32 characters')
      .describe('Integration key of the PagerDuty service ("Events API v2"). A secret: it is sent in the body and shown to nobody.'),
    severity: z
      .record(z.string().regex(/^(\*|[\w-]+(\.[\w-]+)*(\.\*)?)$/, 'must be an event type, `table.*` or `*`'), Severity)
      .default({})
      .describe(
        'Severity of what triggers, by event type: `{"build.*": "critical", "*": "warning"}`. The closest pattern counts; without one, what failed is an `error`, what was aborted or cancelled a `warning`, all else `info`.',
      ),
  })
  .meta({ examples: [{ routing_key: 'e93facc04764012d7bfb002500d5d1a6', severity: { 'testCase.*': 'critical' } }] })
type Settings = z.infer<typeof Settings>

const longest = { summary: 1_024, text: 255, detail: 1_000 }

function render(event: Event, context: RenderContext): Payload {
  const settings = context.settings as Settings
  const outcome = readOutcome(event)
  const resolves = outcome?.mood === 'good' || isGone(lifecycleOf(event.type)) || lifecycleOf(event.type) === 'restored'
  const head = { routing_key: settings.routing_key, event_action: resolves ? 'resolve' : 'trigger', dedup_key: dedupKey(event) }
  const body = resolves ? head : { ...head, ...incident(event, severityOf(event, outcome, settings)) }
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) }
}

function incident(event: Event, severity: Severity): object {
  const message = readMessage(event)
  const { entity } = event
  return {
    payload: {
      summary: clip(message.headline, longest.summary),
      source: clip(cleaned(event.source) || 'tidings', longest.text),
      severity,
      timestamp: event.time,
      component: named(entity?.name ?? entity?.id),
      group: named(entity?.domain),
      class: named(event.type),
      custom_details: detailsOf(event, message),
    },
    client: 'Tidings',
    ...(message.link && { links: [{ href: message.link.url, text: message.link.label }] }),
  }
}

const named = (text: string | undefined) => (text === undefined ? undefined : clip(cleaned(text), longest.text) || undefined)

function detailsOf(event: Event, message: Message): Record<string, unknown> {
  const changes = message.changes.map((change) => clip(`${change.name}: ${changeText(change)}`, longest.detail))
  const more = moreText(message)
  return {
    event_id: event.id,
    entity_id: named(event.entity?.id),
    ...Object.fromEntries(message.facts.map(({ label, value }) => [label, value])),
    ...(changes.length > 0 && { Changes: more ? [...changes, more] : changes }),
  }
}

function severityOf(event: Event, outcome: Outcome | undefined, { severity }: Settings): Severity {
  const matching = Object.keys(severity).filter((pattern) => typeMatches(pattern, event.type))
  const [closest] = matching.sort((a, b) => Number(a.endsWith('*')) - Number(b.endsWith('*')) || b.length - a.length)
  const asked = closest === undefined ? undefined : severity[closest]
  if (asked) return asked
  if (outcome?.mood === 'bad') return 'error'
  return outcome?.mood === 'stopped' ? 'warning' : 'info'
}

/** 202 and `success`. 400 says that the event is not valid, which no repetition changes. */
function judge(answer: Answer): Judgement {
  const status = answerObject(answer.body)?.status
  if (answer.statusCode === 202 && (status === undefined || status === 'success')) return succeeded
  return failed(answer, answer.statusCode === 400)
}

export default {
  name: 'pagerduty',
  description: 'PagerDuty Events API v2: failures trigger an incident, recovery resolves it.',
  settings: Settings,
  perWebhook: true,
  render,
  judge,
} satisfies Format
