import { z } from 'zod'
import { Change, Entity, type Event } from '../../contracts/event.ts'
import type { Format, Payload, RenderContext } from '../format.ts'
import { noData } from '../json-text.ts'
import { readMessage } from '../message.ts'
import { fill, parseTemplate, placeholdersOf, textAt } from '../template.ts'

/**
 * A body of the webhook's own, for any receiver of JSON that no other format serves. What a placeholder can name are
 * the event's members as the default format writes them, the webhook's, and the headline that chat messages have.
 */
const entityMembers = Object.keys(Entity.shape)
const changeMembers = Object.keys(Change.shape)
const roots: Record<string, string[] | 'any' | 'none'> = {
  id: 'none',
  type: 'none',
  timestamp: 'none',
  source: 'none',
  subject: 'none',
  actor: 'none',
  headline: 'none',
  entity: entityMembers,
  change: changeMembers,
  webhook: ['id', 'label'],
  data: 'any',
}

/** A misspelt path is noticed when the webhook is saved, and not by the receiver that gets `null` for ever. */
function faultOf(text: string): string | undefined {
  try {
    const unknown = placeholdersOf(parseTemplate(text)).find(({ path }) => !isKnown(path))
    return unknown && `has a placeholder "${unknown.path.join('.')}" that no event has; known: ${Object.keys(roots).join(', ')}`
  } catch (error) {
    return (error as Error).message
  }
}

function isKnown([root = '', member]: string[]): boolean {
  const members = Object.hasOwn(roots, root) ? roots[root] : undefined
  if (members === undefined || members === 'any' || member === undefined) return members !== undefined
  return members !== 'none' && members.includes(member)
}

const Settings = z
  .strictObject({
    template: z
      .string()
      .min(1)
      .max(65_536)
      .superRefine((text, context) => {
        const message = faultOf(text)
        if (message !== undefined) context.addIssue({ code: 'custom', message })
      })
      .describe(
        `JSON with placeholders: \`{"title": "{{ entity.name }} {{ type }}", "rows": {{ data.rows }}}\`. Within a string a value is written into it, elsewhere it stands as it is; what an event lacks is empty, or null. Paths begin with ${Object.keys(roots).join(', ')}; elements of a list are named by their index.`,
      ),
    content_type: z
      .string()
      .regex(/^application\/([\w.-]+\+)?json(; charset=utf-8)?$/, 'must be application/json or application/…+json')
      .default('application/json')
      .describe('Content-Type of the request.'),
  })
  .meta({
    examples: [
      {
        template:
          '{"title": "{{ headline }}", "by": "{{ actor }}", "table": {{ entity.name }}, "first": {{ change.updated.0 }}, "rows": [{{ data.rows }}], "all": {{ data }}}',
      },
    ],
  })
type Settings = z.infer<typeof Settings>

function render(event: Event, { webhook, settings }: RenderContext): Payload {
  const { template, content_type: contentType } = settings as Settings
  const { id, type, time: timestamp, source, subject, actor, entity, change } = event
  const envelope = JSON.stringify({
    id,
    type,
    timestamp,
    source,
    subject,
    actor,
    entity,
    change,
    webhook: { id: webhook.id, label: webhook.label },
  })
  const lookUp = (path: string[]): string | undefined => {
    if (path[0] === 'headline') return JSON.stringify(readMessage(event).headline)
    if (path[0] === 'data') return event.data === noData ? undefined : textAt(event.data, path.slice(1))
    return textAt(envelope, path)
  }
  return { contentType, body: Buffer.from(fill(parseTemplate(template), lookUp)) }
}

export default {
  name: 'template',
  description: 'A JSON body of your own, with placeholders for what the event holds.',
  settings: Settings,
  perWebhook: true,
  render,
} satisfies Format
