import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import openMetadata from '../../shared/payload/formats/openmetadata.ts'
import tidings from '../../shared/payload/formats/tidings.ts'
import { findRecipients, questionOf, resolveRecipients, type Recipient } from '../../shared/recipients.ts'
import type { DirectoryEntry } from '../../shared/storage/directory.ts'
import type { Recipients } from '../../shared/storage/storage.ts'
import { anEntry, anEnvelope } from '../support/builders.ts'

const native = (members: Partial<Event> = {}): Event => ({ ...anEnvelope(), data: 'null', ...members })
/** An event of OpenMetadata's product: the entity is JSON in a string. */
const changeEvent = (entity: object, members: Partial<Event> = {}) =>
  native({
    data: JSON.stringify({ id: 'e-1', eventType: 'entityUpdated', entityType: 'table', entity: JSON.stringify(entity) }),
    ...members,
  })
const documented = (entity: object) => native({ data: JSON.stringify({ eventId: 'e-1', eventType: 'entityUpdated', entity }) })

const ada = anEntry({ name: 'ada', displayName: 'Ada Lovelace', email: 'ada@example.com', webhookId: 'hook-of-ada' })
const bob = anEntry({ name: 'bob', isAdmin: true })
const sales = anEntry({ kind: 'team', name: 'sales', email: 'sales@example.com', members: ['ada', 'cyd'] })
const directory = [ada, bob, sales]

const resolve = (event: Event, kinds: Recipients[], entries: DirectoryEntry[] = directory) => resolveRecipients(event, kinds, entries)
const adaAsShown: Recipient = { type: 'user', name: 'ada', display_name: 'Ada Lovelace', email: 'ada@example.com' }

describe('who is to be told of an event', () => {
  it('are its owners as the envelope names them, told apart by the directory', () => {
    const event = native({ entity: { type: 'table', owners: ['sales', 'zoe'] } })

    expect(resolve(event, ['owners'])).toEqual({
      people: [
        { type: 'team', name: 'sales', email: 'sales@example.com' },
        adaAsShown,
        { type: 'user', name: 'cyd' },
        { type: 'user', name: 'zoe' },
      ],
      webhookIds: ['hook-of-ada'],
    })
  })

  it.each([
    ['owners', 'as the product sends them', changeEvent({ owners: [{ type: 'user', name: 'ada' }] })],
    ['owners', 'as one owner of old', changeEvent({ owner: { type: 'user', name: 'ada' } })],
    ['owners', 'as it is documented', documented({ owner: { type: 'user', name: 'ada' } })],
    ['followers', 'as the product sends them', changeEvent({ followers: [{ type: 'user', id: 'u-1', name: 'ada' }] })],
    ['followers', 'by their whole name', documented({ followers: [{ type: 'user', fullyQualifiedName: 'ada' }] })],
    ['followers', 'as names in data of other systems', native({ data: '{"rows":3,"followers":["ada"]}' })],
  ] as const)('are %s in the body of OpenMetadata, %s', (kind, _, event) => {
    expect(resolve(event, [kind]).people).toEqual([adaAsShown])
    expect(resolve(event, [kind === 'owners' ? 'followers' : 'owners']).people).toEqual([])
  })

  it('are admins wherever they stand in the directory, and each only once', () => {
    const event = changeEvent({ owners: [{ type: 'team', name: 'sales' }], followers: [{ type: 'user', name: 'bob' }] })

    expect(resolve(event, ['owners', 'followers', 'admins']).people.map(({ name }) => name)).toEqual(['sales', 'ada', 'cyd', 'bob'])
    expect(resolve(event, ['admins']).people).toEqual([{ type: 'user', name: 'bob' }])
  })

  it('are kept with what the event says of them when the directory does not know them', () => {
    const event = changeEvent({
      owners: [
        { type: 'team', name: 'ada', displayName: 'Team Ada' },
        { type: 'user', id: 'u-9' },
      ],
    })

    expect(resolve(event, ['owners'])).toEqual({
      people: [
        { type: 'team', name: 'ada', display_name: 'Team Ada' },
        { type: 'user', name: 'u-9' },
      ],
      webhookIds: [],
    })
  })

  it.each([
    ['bytes', native({ data: '"AAEC"', binary: true })],
    ['an array', native({ data: '[{"followers":["ada"]}]' })],
    ['nothing', native()],
    ['an event without an entity', native({ data: '{"id":"e-1","eventType":"entityDeleted","entityType":"table"}' })],
    ['an entity that is no object', native({ data: '{"id":"e-1","eventType":"entityDeleted","entityType":"table","entity":"{}}"}' })],
    [
      'lists of anything',
      changeEvent({ owners: [1, null, '', {}, { name: 3 }, { name: 'ada', type: 'user', deleted: true }], followers: 7 }),
    ],
  ])('are nobody in %s', (_, event) => {
    expect(resolve(event, ['owners', 'followers'])).toEqual({ people: [], webhookIds: [] })
  })

  it('are asked for by name before, and the directory is left alone where there is nobody to ask for', async () => {
    const asked: unknown[] = []
    const store = { lookUp: async (...question: unknown[]) => (asked.push(question), directory) }
    const event = native({ organizationId: 'org', entity: { type: 'table', owners: ['sales', 'sales'] } })

    expect(questionOf(event, ['followers', 'admins'])).toEqual({ names: [], admins: true })
    expect((await findRecipients(event, ['owners'], store)).webhookIds).toEqual(['hook-of-ada'])
    expect((await findRecipients(native(), ['owners', 'followers'], store)).people).toEqual([])
    expect(asked).toEqual([['org', { names: ['sales'], admins: false }]])
  })
})

describe('a payload', () => {
  const event = native({ id: 'event-1', data: '{"rows":3}' })
  const context = { webhook: { id: 'w', label: 'hooks' }, settings: {}, secrets: ['a-secret'] }
  const recipients = new Map([['event-1', [adaAsShown]]])
  const json = (payload: { body: Uint8Array }) => JSON.parse(Buffer.from(payload.body).toString()) as Record<string, unknown>

  it('of ours has the recipients, where there are any to know of', () => {
    expect(json(tidings.render(event, { ...context, recipients }))).toMatchObject({ recipients: [adaAsShown], data: { rows: 3 } })
    expect(json(tidings.render(event, context))).not.toHaveProperty('recipients')
    expect(json(tidings.renderBatch([event, { ...event, id: 'event-2' }], { ...context, recipients }))).toMatchObject([
      { recipients: [adaAsShown] },
      { id: 'event-2' },
    ])
  })

  it('of OpenMetadata has them in its words, covered by the signature', () => {
    const shown = json(openMetadata.render(event, { ...context, recipients }))

    expect(shown.recipients).toEqual([{ type: 'user', name: 'ada', displayName: 'Ada Lovelace', email: 'ada@example.com' }])
    expect(Object.keys(shown).slice(-3)).toEqual(['recipients', 'webhookName', 'signature'])
    expect(shown.signature).not.toBe(json(openMetadata.render(event, context)).signature)
    expect(json(openMetadata.render(event, context))).not.toHaveProperty('recipients')
  })

  it('does not hand on whom another sender wanted to tell', () => {
    const relayed = native({ data: '{"eventId":"e","eventType":"entityCreated","entity":{},"recipients":[{"name":"zoe"}]}' })

    expect(json(openMetadata.render(relayed, context))).not.toHaveProperty('recipients')
  })
})
