import { z } from 'zod'
import { Entity, EventTypeName, type EventDraft } from '../../shared/contracts/event.ts'
import { entityOf, extensionOf, identityOf, isAttributeText, isExtensionName, maxExtensionLength } from '../../shared/payload/cloudevent.ts'

/**
 * The attributes of a CloudEvent, held to the rules of CloudEvents 1.0 and turned into an envelope. One rule is
 * narrower than theirs: `type` must be dotted words, because a subscription could not name any other.
 */
const text = z.string().min(1).max(3072).refine(isAttributeText, 'holds characters that no CloudEvents attribute may hold')
const uri = text.regex(/^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$/, 'must be a URI reference (RFC 3986)')
const token = "[!#$%&'*+.^_`|~\\w-]+"
const mediaType = text.max(500).regex(new RegExp(`^${token}/${token}[ \\t]*(;[\\x20-\\x7e]*)?$`), 'must be a media type (RFC 2046)')

const CloudEvent = z
  .object({
    specversion: z.literal('1.0', 'must be "1.0"'),
    id: text,
    source: uri,
    type: EventTypeName,
    subject: text.optional(),
    // RFC 3339 allows `t` and `z`, what is stored has capitals
    time: z
      .string()
      .toUpperCase()
      .pipe(z.iso.datetime({ offset: true }))
      .optional(),
    // in binary mode nobody could tell an event within an event from an event in structured mode
    datacontenttype: mediaType.regex(/^(?!application\/cloudevents)/i, 'must not be a CloudEvent in turn').optional(),
    dataschema: uri.regex(/^[A-Za-z][\w+.-]*:/, 'must be an absolute URI').optional(),
  })
  .catchall(
    z.union(
      [z.string().max(maxExtensionLength).refine(isAttributeText), z.int32(), z.boolean()],
      'must be a string, a boolean or an integer of 32 bits',
    ),
  )

const maxAttributes = 64

export type EventAttributes = Omit<EventDraft, 'raw' | 'data'>
/** Called with an attribute's name and what is wrong with it; with no name for the event as a whole. */
export type Report = (name: string, message: string) => void

/** Undefined when something was reported that leaves no envelope to speak of. */
export function readAttributes(given: Record<string, unknown>, report: Report): EventAttributes | undefined {
  // JSON format §2.2: an attribute of null is one that was not sent
  const names = Object.keys(given).filter((name) => given[name] !== null)
  const misnamed = names.filter((name) => !isExtensionName(name))
  for (const name of misnamed) report(name, 'attribute names are lower-case letters and digits')
  if (names.length > maxAttributes) report('', `there are ${names.length} attributes; at most ${maxAttributes} are allowed`)
  if (misnamed.length > 0 || names.length > maxAttributes) return undefined
  const parsed = CloudEvent.safeParse(Object.fromEntries(names.map((name) => [name, given[name]])))
  if (!parsed.success) {
    for (const issue of parsed.error.issues) report(String(issue.path[0] ?? ''), issue.message)
    return undefined
  }
  return envelopeOf(parsed.data, report)
}

function envelopeOf(event: z.infer<typeof CloudEvent>, report: Report): EventAttributes {
  const { specversion: _, id, source, type, time, subject, datacontenttype, dataschema, ...extensions } = event
  const candidate = entityOf(extensions)
  const entity = candidate && Entity.safeParse(candidate)
  for (const issue of entity?.error?.issues ?? []) report(extensionOf[issue.path[0] as keyof Entity], issue.message)
  const actor = String(extensions.authid ?? '')
  if (actor.length > 500) report('authid', 'may have 500 characters')
  return {
    sourceEventId: identityOf(source, id),
    type,
    ...(time && { time }),
    ...(subject && { subject }),
    ...(actor && { actor }),
    ...(entity?.data && { entity: entity.data }),
    cloudevent: {
      source,
      ...(datacontenttype && { datacontenttype }),
      ...(dataschema && { dataschema }),
      ...(Object.keys(extensions).length > 0 && { extensions }),
    },
  }
}
