import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { readMessage } from '../../shared/payload/message.ts'
import { cleaned, clip, clipStart, escapeHtml, isolated } from '../../shared/payload/text.ts'
import { valueText } from '../../shared/payload/value-text.ts'

const base: Event = {
  id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11',
  organizationId: 'org',
  source: 'warehouse',
  type: 'table.updated',
  time: '2026-04-15T11:00:03.120+02:00',
  data: 'null',
}
const message = (members: Partial<Event> = {}) => readMessage({ ...base, ...members })
const orders = { type: 'table', name: 'sales.orders' }
const result = (testCaseStatus: string) => ({
  type: 'testCase.updated',
  entity: { type: 'testCase', id: '2b91', name: 'orders.row_count' },
  change: { updated: [{ name: 'testCaseResult', new_value: { testCaseStatus, result: 'Found 8 rows, expected 10' } }] },
})

describe('headline', () => {
  it.each<[string, Partial<Event>]>([
    ['ada updated table sales.orders', { entity: orders, actor: 'ada' }],
    ['Table sales.orders updated', { entity: orders }],
    ['admin soft deleted pipeline etl', { type: 'pipeline.softDeleted', entity: { type: 'pipeline', id: 'etl' }, actor: 'admin' }],
    ['Dataset ws.coll.d created', { type: 'dataset.create', entity: { type: 'dataset', name: 'ws.coll.d' } }],
    ['Employee/50030 updated', { type: 'ontology.object.updated', entity: { type: 'Employee', id: '50030', name: 'Employee/50030' } }],
    ['Test case orders.row_count failed', result('Failed')],
    ['Test case orders.row_count succeeded', result('Success')],
    ['Company 7: property change', { type: 'company.propertyChange', entity: { type: 'company', id: '7' } }],
    ['Market listing ASX archived', { type: 'market_listing.archived', subject: 'ASX' }],
    ['Build nightly failed', { type: 'build.completed', data: '{"name":"nightly","buildStatus":"FAILED"}' }],
    ['Ingestion failed', { type: 'ingestion.failed' }],
    ['Ping', { type: 'ping' }],
  ])('%s', (headline, members) => {
    expect(message(members).headline).toBe(headline)
  })

  it('keeps the end of a name that is too long, and marks what it leaves out', () => {
    const { headline, facts } = message({ entity: { type: 'table', name: `${'warehouse.'.repeat(40)}orders` } })
    expect(headline).toMatch(/^Table ….*\.orders updated$/)
    expect(headline.length).toBeLessThan(150)
    expect(facts[0]).toEqual({ label: 'Name', value: expect.stringMatching(/^warehouse\..*…$/) })
  })
})

describe('changes', () => {
  const changes = (change: Event['change']) => message({ entity: orders, ...(change && { change }) }).changes

  it('show old and new value, in the words of a person', () => {
    const tag = JSON.stringify([{ tagFQN: 'PII.Sensitive', source: 'Classification' }])
    expect(
      changes({
        updated: [
          { name: 'tags', old_value: [], new_value: tag },
          { name: 'rows', old_value: 0, new_value: 12 },
          { name: 'office', new_value: 'NYC' },
        ],
        added: [{ name: 'columns', new_value: [{ name: 'zip', dataType: 'INT' }, { name: 'city' }] }],
        deleted: [{ name: 'owner', old_value: { type: 'user', name: 'ada' } }],
      }),
    ).toEqual([
      { name: 'tags', before: 'none', after: 'PII.Sensitive' },
      { name: 'rows', before: '0', after: '12' },
      { name: 'office', after: 'NYC' },
      { name: 'columns', before: 'none', after: 'zip (INT), city' },
      { name: 'owner', before: 'ada', after: 'none' },
    ])
  })

  it('tell the verdict of a test and the reason for it', () => {
    expect(message(result('Failed'))).toMatchObject({
      mood: 'bad',
      changes: [{ name: 'testCaseResult', after: 'Failed: Found 8 rows, expected 10' }],
    })
  })

  it('are counted when there are too many to show', () => {
    const { changes: shown, moreChanges } = message({ change: { added: Array.from({ length: 1_000 }, (_, i) => ({ name: `c${i}` })) } })
    expect(shown.length + moreChanges).toBe(1_000)
    expect(shown.length).toBeLessThan(50)
  })
})

describe('the rest', () => {
  it('tells whom it concerns, once, and where and when', () => {
    const entity = { ...orders, domain: 'Sales', owners: ['ada', 'bob'], tags: ['PII.Sensitive'], url: 'https://catalog.example/t?a=1&b=2' }
    expect(message({ entity, actor: 'ada' })).toMatchObject({
      object: 'Table sales.orders',
      facts: [
        { label: 'Domain', value: 'Sales' },
        { label: 'Owners', value: 'ada, bob' },
        { label: 'Tags', value: 'PII.Sensitive' },
      ],
      origin: 'table.updated · warehouse · 2026-04-15 09:00:03 UTC',
      link: { label: 'Open table', url: 'https://catalog.example/t?a=1&b=2' },
    })
  })

  it('tells what the data says when there is nothing else, numbers digit for digit', () => {
    const data = '{"pipeline":"nightly","rows_read":9007199254740993,"nested":{"a":1},"_ts":1,"none":null,"tags":["a","b"]}'
    expect(message({ type: 'ingestion.failed', data }).facts).toEqual([
      { label: 'Pipeline', value: 'nightly' },
      { label: 'Rows read', value: '9007199254740993' },
      { label: 'Tags', value: 'a, b' },
    ])
    expect(message({ type: 'note', data: '[1,2]' }).facts).toEqual([{ label: 'Data', value: '1, 2' }])
    expect(message({ type: 'note', data: '"AP8="', binary: true }).facts).toEqual([])
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', `https://e.com/${'x'.repeat(2_500)}`])(
    'links nowhere for %s',
    (url) => {
      expect(message({ entity: { ...orders, url } })).not.toHaveProperty('link')
    },
  )

  it.each([
    ['bad', { type: 'test.failed' }],
    ['bad', { type: 'view.execute', data: '{"error":"division by zero"}' }],
    ['bad', { type: 'build.completed', data: '{"status":"FAILED"}' }],
    ['stopped', result('Aborted')],
    ['good', { type: 'build.completed', data: '{"buildRid":"ri.1","buildStatus":"SUCCEEDED"}' }],
    ['good', { type: 'test.recovered' }],
    ['good', { type: 'build.completed' }],
    ['neutral', { type: 'table.created', data: '{"status":"active"}' }],
    ['neutral', { type: 'table.updated', change: { updated: [{ name: 'description', new_value: 'failed' }] } }],
  ] as [string, Partial<Event>][])('takes for %s: %j', (mood, members) => {
    expect(message(members).mood).toBe(mood)
  })
})

describe('text', () => {
  const any = fc.string({ unit: 'binary', maxLength: 80 })
  const wellFormed = any.map((text) => cleaned(text))

  it('is one well-formed line without what hides or turns it', () => {
    expect(cleaned('a\r\n\u2028b\u0000 \u202ec\u202c\ud800 \u200bd')).toBe('a b c\ufffd d')
    fc.assert(fc.property(any, (text) => !/[\p{Cs}\p{Cc}\u202a-\u202e]/u.test(cleaned(text))))
  })

  it('is never longer than asked for, and marked where it was cut', () => {
    fc.assert(
      fc.property(wellFormed, fc.integer({ min: 1, max: 60 }), fc.boolean(), (text, max, html) => {
        const escape = html ? escapeHtml : (character: string) => character
        const whole = Array.from(text, escape).join('')
        const cut = clip(text, max, escape)
        expect(cut.length).toBeLessThanOrEqual(max)
        expect(cut).toBe(whole.length <= max ? whole : cut.endsWith('…') ? cut : `${cut}…`)
        expect(cut).not.toMatch(/\p{Cs}/u)
        if (html) expect(cut).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/)
        const end = clipStart(text, max)
        expect(end.length).toBeLessThanOrEqual(max)
        if (text.length > max) expect(text.endsWith(end.slice(1))).toBe(true)
      }),
    )
  })

  it('is not cut within what looks like one character', () => {
    expect(clip('abc👩‍👩‍👧', 8)).toBe('abc…')
    expect(clip('abcde\u0301f', 6)).toBe('abcd…')
    expect(clip('ab👍🏽cd', 5)).toBe('ab…')
    expect(clip('a😀b', 3)).toBe('a…')
  })

  it('of two directions is kept apart', () => {
    expect(isolated('שלום')).toBe('\u2068שלום\u2069')
    expect(isolated('plain')).toBe('plain')
  })

  it('of any value is short', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => valueText(value, 100).length <= 100))
    expect(valueText('[1, not json', 100)).toBe('[1, not json')
    for (const nothing of [null, undefined, '', [], {}, '\u200b']) expect(valueText(nothing, 100)).toBe('none')
  })
})
