import type { Event } from '../../contracts/event.ts'
import { hmacSha256 } from '../../signing/mac.ts'
import type { Format, Payload, RenderContext } from '../format.ts'
import { arrayText, compact, membersOf, objectText, textOf, unquoted, type Members } from '../json-raw.ts'
import { changeLists, changeParts, type ChangeParts } from '../openmetadata.ts'
import { nameParts } from '../names.ts'
import { isDocumentedChange, dataRecord } from '../recognise.ts'

/**
 * OpenMetadata's body as it is documented: `{eventId, eventType, timestamp, entity, changeDescription, webhookName,
 * signature}` with the entity as an object and all three lists of changes. What came in this form leaves in it, under
 * our webhook's name and signature; a ChangeEvent of the product is unpacked into it. A webhook that sends to owners,
 * followers or admins has them in `recipients`, before its name.
 *
 * `signature` is `sha256=` and the HMAC of the body as it stands without that member, which is the last one: a receiver
 * takes it out, serialises the rest again and compares. The header of the scheme covers the exact bytes, and decides.
 * Without a secret there is none. Several events stand as `{"data": […], "paging": {"total": n}}`, each of them whole.
 */
function bodyText(event: Event, { webhook, secrets, recipients }: RenderContext): string {
  const people = recipients?.get(event.id)?.map(({ display_name: displayName, ...one }) => ({ ...one, displayName }))
  const name = textOf(webhook.label ?? webhook.id)
  const members = [...memberTexts(event), ['recipients', textOf(people)] as const, ['webhookName', name] as const]
  const unsigned = objectText(members)
  const [secret] = secrets
  if (!secret) return unsigned
  const signature = `sha256=${hmacSha256(secret, '', Buffer.from(unsigned), 'hex')}`
  return objectText([...members, ['signature', textOf(signature)]])
}

type MemberText = readonly [string, string | undefined]

function memberTexts(event: Event): MemberText[] {
  const data = dataRecord(event)
  if (data && isDocumentedChange(data)) {
    const own = [...membersOf(event.data)].filter(([name]) => !['recipients', 'webhookName', 'signature'].includes(name))
    return own.map(([name, value]) => [name, compact(value)])
  }
  const parts = changeParts(event)
  return [
    ['eventId', textOf(parts.id)],
    ['eventType', textOf(parts.eventType)],
    ['timestamp', parts.timestamp],
    ['entity', entityText(parts)],
    ['changeDescription', changeLists(parts.change)],
  ]
}

/** The product tells type, id and name beside the entity, and has lists where the documentation has one owner, one domain. */
function entityText({ own, entity, entityType }: ChangeParts): string {
  if (!own) return objectText(entity)
  const name = own.get('entityFullyQualifiedName')
  const head: MemberText[] = [
    ['id', entity.get('id') ?? own.get('entityId')],
    ['type', textOf(entityType)],
    ['name', entity.get('name') ?? textOf(lastPart(unquoted(name)))],
    ['fullyQualifiedName', entity.get('fullyQualifiedName') ?? name],
  ]
  const named = new Set(head.map(([member]) => member))
  const rest = [...entity].filter(([member]) => !named.has(member)).map(([member, value]) => [member, compact(value)] as const)
  return objectText([...head, ...rest, ...single(entity, 'owner'), ...single(entity, 'domain')])
}

const lastPart = (name: string | undefined) => (name === undefined ? undefined : nameParts(name).at(-1))

function single(entity: Members, member: string): MemberText[] {
  const [first] = entity.has(member) ? [] : (JSON.parse(entity.get(`${member}s`) ?? '[]') as unknown[])
  return first === undefined ? [] : [[member, textOf(first)]]
}

const json = (text: string): Payload => ({ contentType: 'application/json', body: Buffer.from(text) })

export default {
  name: 'openmetadata',
  description: 'OpenMetadata as documented: `{eventId, eventType, timestamp, entity, changeDescription, webhookName, signature}`.',
  perWebhook: true,
  render: (event, context) => json(bodyText(event, context)),
  renderBatch: (events, context) =>
    json(`{"data":${arrayText(events.map((event) => bodyText(event, context)))},"paging":{"total":${events.length}}}`),
} satisfies Format
