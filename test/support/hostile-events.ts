import fc from 'fast-check'
import type { Change, Event } from '../../shared/contracts/event.ts'

/**
 * Any event that can be accepted, and then some: text that breaks out of markup, calls people, turns the line round, is
 * cut within a character or longer than anything shows; changes by the thousand; data that is any JSON.
 */
const calls = [
  '<!channel>',
  '<!here|x>',
  '<@U123>',
  '<users/all>',
  '<http://evil.example|click>',
  '<script>alert(1)</script>',
  '</b>&amp;&#60;',
]
const markup = [
  '*b* _i_ ~s~ `c` ```',
  '[x](javascript:alert(1))',
  '{{DATE(2020-01-01T00:00:00Z,SHORT)}}',
  '@{body}',
  '${x}',
  ':skull:',
  '@everyone',
]
const damage = [
  '\ud800',
  '\udc00',
  '\u202eevil\u202c',
  '\u2066',
  '\u200b\u200b',
  '\u0000\u0007\u001b[31m',
  'a\r\nb',
  '\u2028',
  '\ufeff',
  '"\\/',
]
const scripts = ['👩‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'é', 'Z̸̡̢̛̗̘̙̜̝̞̟̠', 'שלום', 'مرحبا', '&&&&&&&&', '<<<<<<<<']
const barbs = [...calls, ...markup, ...damage, ...scripts]
const scrap = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...barbs) },
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 20 }),
)
const text = fc
  .tuple(fc.array(scrap, { minLength: 1, maxLength: 6 }), fc.constantFrom(1, 1, 1, 20, 400))
  .map(([scraps, times]) => scraps.join('').repeat(times).slice(0, 3_000) || 'x')
const short = text.map((all) => all.slice(0, 200))
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const value = fc.oneof(
  text,
  fc.jsonValue({ stringUnit: 'binary' }),
  fc.constantFrom<unknown>(
    undefined,
    '[',
    '[{"tagFQN":"PII.<!channel>"}]',
    { testCaseStatus: 'Failed', result: '<!here>' },
    'x'.repeat(5_000),
  ),
)
const field = fc.record({ name: text, old_value: value, new_value: value })
const fields = optional(
  fc
    .tuple(fc.array(field, { maxLength: 4 }), fc.constantFrom(1, 1, 8, 60))
    .map(([some, times]) => Array.from({ length: times }, () => some).flat()),
)
const change: fc.Arbitrary<Change> = fc.record({ added: fields, updated: fields, deleted: fields })

const entity = fc.record({
  type: short,
  id: optional(short),
  name: optional(text),
  domain: optional(text),
  owners: optional(fc.array(short, { maxLength: 100 })),
  tags: optional(fc.array(short, { maxLength: 100 })),
  url: fc.constantFrom(
    undefined,
    'https://e.com/a|b?c=<d>&e="f"',
    'javascript:alert(1)',
    'http://[::1',
    `https://e.com/${'x&'.repeat(1_400)}`,
    'https://exämple.com/ü',
  ),
})

const data = fc.oneof(
  fc.json({ stringUnit: 'binary' }),
  fc.record({ name: value, status: fc.constantFrom('FAILED', 'ok', '<!channel>', 7), rows: fc.double() }).map((all) => JSON.stringify(all)),
  fc.constantFrom(
    'null',
    '"\\ud800"',
    '{"__proto__":1,"constructor":{"name":"x"}}',
    `"${'x'.repeat(200_000)}"`,
    `[${'1,'.repeat(9_999)}1]`,
    '9007199254740993',
  ),
)
const word = fc.constantFrom(
  'table',
  'created',
  'updated',
  'test',
  'failed',
  'succeeded',
  'soft_deleted',
  'propertyChange',
  '-',
  'x'.repeat(60),
)

export const hostileEvents: fc.Arbitrary<Event> = fc
  .record({
    id: fc.uuid(),
    organizationId: fc.constant('org'),
    source: short,
    type: fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.')),
    time: fc.constantFrom('2026-04-15T09:00:03Z', '2026-04-15T09:00:03.123456+02:00', '0000-01-01T00:00:00Z'),
    subject: optional(text),
    actor: optional(short),
    entity: optional(entity),
    change: optional(change),
    data,
  })
  .map((event) => JSON.parse(JSON.stringify(event)) as Event)
