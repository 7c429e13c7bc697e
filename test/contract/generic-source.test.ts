import { describe, expect, it } from 'vitest'
import { dataOf, loadSources, poster, problemOf } from '../support/samples.ts'

const sources = await loadSources()
const post = poster(sources)
const first = (...request: Parameters<typeof post>) => post(...request)[0]

describe('generic', () => {
  const body = { action: 'create', n: 1, deep: { 'a/b': { '~c': ['x', 'y'] } }, when: 1_704_556_800, names: 'ada', off: false }
  const type = (written: string, headers = {}) => first('generic', body, headers, { type: written })?.type

  it.each([
    ['table.{action}', 'table.create'],
    ['/action', 'create'],
    ['{/deep/a~1b/~0c/1}.{n}.{off}', 'y.1.false'],
    ['{header:X-Event-Key}', 'pr.opened'],
    ['a{{b}}', 'a_b_'],
    ['constant', 'constant'],
  ])('%s is %s', (written, expected) => {
    expect(type(written, { 'x-event-key': 'pr:opened' })).toBe(expected)
  })

  it('is no event without a type, and leaves out all else that leads nowhere', () => {
    for (const written of ['/missing', 'table.{missing}', '/deep', '{/deep/a~1b/~0c/2}', '{header:X-None}'])
      expect(problemOf(() => type(written)).message).toContain('leads nowhere')
    expect(
      first(
        'generic',
        body,
        {},
        { type: 'x', id: '/missing', time: '/action', actor: '{a}{b}', entity: { type: '/missing' }, data: '/missing' },
      ),
    ).toEqual({
      type: 'x',
      raw: Buffer.from(JSON.stringify(body)),
      data: { text: 'null' },
    })
  })

  it.each([
    [{ time: '/when', time_unit: 'seconds' }, { time: '2024-01-06T16:00:00.000Z' }],
    [{ time: '/when', time_unit: 'milliseconds' }, { time: '1970-01-20T17:29:16.800Z' }],
    [
      { entity: { type: 'user', owners: '/names', tags: '/deep/a~1b/~0c' } },
      { entity: { type: 'user', owners: ['ada'], tags: ['x', 'y'] } },
    ],
    [
      { subject: 'tables/{n}', actor: '/names', id: '{action}-{n}' },
      { subject: 'tables/1', actor: 'ada', sourceEventId: 'create-1' },
    ],
  ])('%j gives %j', (settings, expected) => {
    expect(first('generic', body, {}, { type: 'x', ...settings })).toMatchObject(expected)
  })

  it('takes events from where they are said to be, and refuses a body that has none there', () => {
    const drafts = post('generic', '{"a":{"b":[{"t":"x"}, {"t":"y"}]}}', {}, { events: '/a/b', type: '/t' })
    expect(drafts.map((draft) => [draft.type, dataOf(draft)])).toEqual([
      ['x', '{"t":"x"}'],
      ['y', '{"t":"y"}'],
    ])
    expect(problemOf(() => post('generic', { a: 1, t: 'x' }, {}, { events: '/a/b', type: '/t' })).message).toContain('no array at `/a/b`')
  })

  it.each([
    [{}],
    [{ type: '' }],
    [{ type: '{a' }],
    [{ type: 'a}' }],
    [{ type: '{a b}' }],
    [{ type: '{/a~2}' }],
    [{ type: '/a~' }],
    [{ type: '{header:}' }],
    [{ type: 'x', events: 'items' }],
    [{ type: 'x', time_unit: 'days' }],
    [{ type: 'x', entity: { id: '/id' } }],
    [{ type: 'x', ids: '/id' }],
  ])('refuses the settings %j', (settings) => {
    expect(sources.get('generic').settings?.safeParse(settings).success).toBe(false)
  })
})
