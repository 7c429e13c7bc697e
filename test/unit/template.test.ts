import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import template from '../../shared/payload/formats/template.ts'
import { hostileEvents } from '../support/hostile-events.ts'
import { plainContext } from '../support/samples.ts'

const event: Event = {
  id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11',
  organizationId: 'org',
  source: 'warehouse',
  type: 'table.updated',
  time: '2026-04-15T09:00:03Z',
  actor: 'a "quoted" \\ name\n',
  entity: { type: 'table', name: 'sales.orders', owners: ['ada', 'bob'] },
  change: { updated: [{ name: 'rows', old_value: 1, new_value: 2 }] },
  data: '{"n": 9007199254740993, "deep": {"list": [10, {"a": "x"}]}, "__proto__": 5, "f": 1.0}',
}
const settingsOf = (text: string) => template.settings.parse({ template: text })
const render = (text: string, of = event) =>
  Buffer.from(template.render(of, { ...plainContext, settings: settingsOf(text) }).body).toString()

describe('a template', () => {
  it.each([
    ['{"a": "{{ entity.name }}"}', '{"a": "sales.orders"}'],
    ['{"a": {{ entity.name }}}', '{"a": "sales.orders"}'],
    ['"by {{actor}}!"', JSON.stringify('by a "quoted" \\ name\n!')],
    ['{{ data.n }}', '9007199254740993'],
    ['"{{ data.n }} rows"', '"9007199254740993 rows"'],
    ['[{{ data.f }}, {{data.deep.list.1.a}}, {{ data.deep.list.7 }}]', '[1.0, "x", null]'],
    ['{{ data }}', event.data],
    ['"{{ data.deep }}"', JSON.stringify('{"list": [10, {"a": "x"}]}')],
    ['{{ change.updated.0.new_value }}', '2'],
    ['{"{{ type }}": {{ entity.owners }}}', '{"table.updated": ["ada","bob"]}'],
    ['["{{ subject }}", {{ subject }}, {{ entity.domain }}]', '["", null, null]'],
    ['{{ webhook.label }}', '"mirror"'],
    ['"{{ headline }}"', '"a \\"quoted\\" \\\\ name updated table sales.orders"'],
    ['{{ timestamp }}', '"2026-04-15T09:00:03Z"'],
    ['{"big": 1e400, "s": "\\u00fc", "brace": "{ } }}"}', '{"big": 1e400, "s": "\\u00fc", "brace": "{ } }}"}'],
  ])('%s', (text, body) => {
    expect(render(text)).toBe(body)
  })

  it('reaches members of the JSON alone', () => {
    expect(render('{{ data.__proto__ }}')).toBe('5')
    for (const path of ['data.constructor', 'data.toString', 'data.deep.list.length', 'entity.name.length', 'data.deep.hasOwnProperty'])
      expect(render(`{{ ${path} }}`)).toBe('null')
  })

  it.each([
    ['{"a": }', 'is not JSON'],
    ['', ''],
    ['{{ entity.nmae }}', 'no event has'],
    ['{{ entty }}', 'no event has'],
    ['{{ type.length }}', 'no event has'],
    ['{{ constructor }}', 'no event has'],
    ['{{ __proto__.x }}', 'no event has'],
    ['"{{ actor | upcase }}"', 'not a path'],
    ['"{{ a[0] }}"', 'not a path'],
    ['"{{ }}"', 'not a path'],
    ['"{{ actor"', 'that no "}}" ends'],
    ['{% if actor %}1{% endif %}', 'is not JSON'],
    ['{{{ actor }}}', ''],
    ['{{ actor }}: 1', 'is not JSON'],
    ['{ {{ actor }}: 1 }', 'is not JSON'],
  ])('is refused when it is saved: %s', (text, reason) => {
    const { error } = template.settings.safeParse({ template: text })
    expect(error?.issues[0]?.path).toEqual(['template'])
    expect(error?.issues[0]?.message).toContain(reason)
  })

  it('is JSON whatever goes in, in every place', () => {
    const settings = settingsOf(
      '{"{{ subject }}": "x{{ actor }}{{ data }}y", "v": [{{ data }}, {{ entity }}, {{ change.updated.0 }}], "h": "{{ headline }}", "n": "{{ entity.name }}"}',
    )
    fc.assert(
      fc.property(hostileEvents, (any) => {
        const { v, n } = JSON.parse(Buffer.from(template.render(any, { ...plainContext, settings }).body).toString())
        expect(v[0]).toEqual(JSON.parse(any.data))
        expect(n).toBe(any.entity?.name ?? '')
      }),
      { numRuns: 50 },
    )
  })

  it('has the media type of its settings, JSON in any case', () => {
    const settings = template.settings.parse({ template: '1', content_type: 'application/vnd.acme+json' })
    expect(template.render(event, { ...plainContext, settings }).contentType).toBe('application/vnd.acme+json')
    expect(template.settings.safeParse({ template: '1', content_type: 'text/html' }).success).toBe(false)
  })
})
