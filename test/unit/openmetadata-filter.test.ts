import { describe, expect, it } from 'vitest'
import type { Change, Entity, Envelope } from '../../shared/contracts/event.ts'
import type { OpenMetadataFilter } from '../../shared/contracts/subscription.ts'
import { explainMatch } from '../../shared/match.ts'
import { createMatcher } from '../../shared/matcher.ts'
import { openMetadataObstacle } from '../../shared/openmetadata-filter.ts'
import { aSubscription, anEnvelope } from '../support/builders.ts'

const table = (members: Partial<Entity> = {}): Entity => ({ type: 'table', name: 'shop.public.orders', ...members })
const event = (change?: Change, entity: Entity = table()): Envelope =>
  anEnvelope({ type: `${entity.type}.updated`, entity, ...(change && { change }) })
const updated = (...names: string[]): Change => ({ updated: names.map((name) => ({ name })) })
const wants = (filter: OpenMetadataFilter, given: Envelope) => openMetadataObstacle(given, filter) === undefined
const tags = (...fqns: string[]) => fqns.map((tagFQN) => ({ tagFQN }))
const retagged = (before: unknown, after: unknown): Change => ({ updated: [{ name: 'tags', old_value: before, new_value: after }] })

type Row = [what: string, filter: OpenMetadataFilter, event: Envelope, wanted: boolean]

describe('an event filter of OpenMetadata', () => {
  it.each<Row>([
    ['nothing asked for', {}, event(), true],
    ['an entity that is listed', { entities: ['dashboard', 'table'] }, event(), true],
    ['an entity that is not listed', { entities: ['dashboard'] }, event(), false],
    ['an entity spelt in capitals', { entities: ['Table'] }, event(), false],
    ['a star, wherever it stands', { entities: ['dashboard', '*'] }, event(), true],
    ['an event without an entity, by its type', { entities: ['table'] }, anEnvelope({ type: 'table.updated' }), true],
    ['one of the fields', { include: ['tags', 'description'] }, event(updated('description')), true],
    ['none of the fields', { include: ['tags'] }, event(updated('description')), false],
    ['a field where nothing changed', { include: ['tags'] }, event(), false],
    ['a field that was added', { include: ['owner'] }, event({ added: [{ name: 'owner' }] }), true],
    ['a field that was deleted', { include: ['owner'] }, event({ deleted: [{ name: 'owner' }] }), true],
    ['owners for owner', { include: ['owner'] }, event(updated('owners')), true],
    ['owner for owners', { include: ['owners'] }, event(updated('owner')), true],
    ['domains for domain', { include: ['domain'] }, event(updated('domains')), true],
    ['the last part of a nested name', { include: ['description'] }, event(updated('columns.zip.description')), true],
    ['a part in the middle', { include: ['columns'] }, event(updated('columns.zip.description')), false],
    ['a quoted part that has a full stop', { include: ['description'] }, event(updated('columns."zip.code".description')), true],
    ['a full stop within the last quoted part', { include: ['description'] }, event(updated('columns."zip.description"')), false],
    ['a custom property, as extension', { include: ['extension'] }, event(updated('extension.costCenter')), true],
    ['a custom property that is called like a field', { include: ['description'] }, event(updated('extension.description')), false],
    ['a test result', { include: ['testCaseResult'] }, event(updated('testCaseResult'), { type: 'testCase' }), true],
    ['a name every object has', { include: ['constructor'] }, event(updated('description')), false],
    ['a tier that was set', { include: ['tier'] }, event(retagged([], tags('Tier.Tier1', 'PII.None'))), true],
    ['a tier that was exchanged', { include: ['tier'] }, event(retagged(tags('Tier.Tier2'), tags('Tier.Tier1'))), true],
    ['a tier that was added', { include: ['tier'] }, event({ added: [{ name: 'tags', new_value: tags('Tier.Tier1') }] }), true],
    ['a tier that was taken away', { include: ['tier'] }, event({ deleted: [{ name: 'tags', old_value: tags('Tier.Tier1') }] }), true],
    ['a tier that stayed', { include: ['tier'] }, event(retagged(tags('Tier.Tier1'), tags('Tier.Tier1', 'PII.None'))), false],
    ['tags that are no tier', { include: ['tier'] }, event(retagged([], tags('PII.Tier.1'))), false],
    ['a tier among plain texts', { include: ['tier'] }, event(retagged(null, ['Tier.Tier1'])), true],
    ['tags that are anything', { include: ['tier'] }, event(retagged(7, [null, { tagFQN: 3 }])), false],
    ['its domain', { include: ['domain:Sales'] }, event(undefined, table({ domain: 'Sales' })), true],
    ['another domain', { include: ['domain:Sales'] }, event(undefined, table({ domain: 'HR' })), false],
    ['no domain', { include: ['domain:Sales'] }, event(), false],
    ['a domain below another by its own name', { include: ['domain:Europe'] }, event(undefined, table({ domain: 'Sales.Europe' })), true],
    ['one of two domains', { include: ['domain:HR', 'domain:Sales'] }, event(undefined, table({ domain: 'Sales' })), true],
    ['domain and field', { include: ['domain:Sales', 'tags'] }, event(updated('tags'), table({ domain: 'Sales' })), true],
    ['domain without field', { include: ['domain:Sales', 'tags'] }, event(updated('description'), table({ domain: 'Sales' })), false],
    ['field without domain', { include: ['domain:Sales', 'tags'] }, event(updated('tags')), false],
    ['an excluded field', { exclude: ['tags'] }, event(updated('tags', 'description')), false],
    ['an excluded field that did not change', { exclude: ['tags'] }, event(updated('description')), true],
    ['an excluded field that is included too', { include: ['tags'], exclude: ['tags'] }, event(updated('tags')), false],
    ['an excluded domain', { exclude: ['domain:HR'] }, event(undefined, table({ domain: 'HR' })), false],
    ['empty lists', { include: [], exclude: [] }, event(), true],
  ])('%s', (_, filter, given, wanted) => {
    expect(wants(filter, given)).toBe(wanted)
  })

  it('says what kept it from wanting an event', () => {
    expect(openMetadataObstacle(event(), { entities: ['topic'] })).toBe('the entity is "table", wanted is "topic"')
    expect(openMetadataObstacle(event(), { include: ['domain:Sales'] })).toBe('the domain of the entity is none, wanted is "domain:Sales"')
    expect(openMetadataObstacle(event(updated('owners')), { include: ['tags'] })).toBe('changed are "owner", wanted is "tags"')
    expect(openMetadataObstacle(event(updated('tags')), { exclude: ['tags'] })).toBe('"tags" is excluded')
  })
})

describe('a subscription with such a filter', () => {
  const subscription = aSubscription({ eventType: '*.updated', filters: { open_metadata: { entities: ['table'], include: ['tags'] } } })

  it('explains itself like any other', () => {
    expect(explainMatch(event(updated('tags')), subscription)).toEqual({
      matched: true,
      reason: '"*.updated" covers the type, and these hold: open_metadata',
    })
    expect(explainMatch(event(), subscription)).toMatchObject({ matched: false, clause: 'open_metadata' })
    expect(explainMatch(anEnvelope({ type: 'table.created' }), subscription)).toMatchObject({ matched: false, clause: 'event_type' })
  })

  it.each([
    ['table.updated', true],
    ['my.table.updated', true],
    ['table.updated.late', false],
    ['table.softDeleted', false],
    ['updated', false],
  ])('is found for %s: %s', (type, found) => {
    const matcher = createMatcher(1, [aSubscription({ eventType: '*.updated' })])

    expect(matcher.match(anEnvelope({ type })).size).toBe(found ? 1 : 0)
  })
})
