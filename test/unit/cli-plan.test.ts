import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { covers, subscriptionsOf } from '../../infra/cli/registry/compare.ts'
import { readFile } from '../../infra/cli/registry/file.ts'
import { plan, type Change } from '../../infra/cli/registry/plan.ts'
import type { Present, PresentWebhook } from '../../infra/cli/registry/present.ts'
import { resolveVariables } from '../../infra/cli/registry/variables.ts'
import { defaultRetryPolicy } from '../../shared/contracts/retry.ts'

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tidings-cli-'))))
afterAll(() => rmSync(folder, { recursive: true }))

function wantedOf(text: string, env: Record<string, string> = {}, strict = true) {
  const file = join(folder, 'tidings.yaml')
  writeFileSync(file, text)
  return readFile(file, env, { strict })
}

const aWebhook = (members: Partial<PresentWebhook> = {}): PresentWebhook => ({
  id: 'w1',
  url: 'https://example.com/',
  label: 'sales',
  active: true,
  created_at: '',
  updated_at: '',
  status: 'active',
  disabled_reason: null,
  failure_details: null,
  scheme: 'standard-webhooks',
  format: 'tidings',
  headers: {},
  format_settings: {},
  retry: defaultRetryPolicy,
  mode: 'queued',
  timeout_ms: 10_000,
  batch_size: 1,
  order: null,
  max_in_flight: null,
  rate_limit: null,
  triggers: [],
  fallback: null,
  recipients: [],
  secrets: [],
  subscriptions: [],
  ...members,
})
const aSource = (members: Record<string, unknown> = {}): Present['sources'][number] => ({
  id: 's1',
  name: 'crm',
  adapter: 'generic',
  scheme: null,
  scheme_params: {},
  settings: {},
  secrets: [],
  lookup: null,
  collect: null,
  created_at: '',
  updated_at: '',
  ...members,
})
const properties = { time_unit: { default: 'rfc3339' }, type: {} }
const present = (members: Partial<Present> = {}): Present => ({
  eventTypes: [],
  sources: [],
  webhooks: [],
  choices: { formats: [], schemes: [], adapters: [{ name: 'generic', description: '', scheme: null, settings: { properties } }] },
  ...members,
})
const none = { prune: false, secrets: false }
const brief = (changes: Change[]) =>
  changes.map(({ action, kind, name, differences }) => [action, kind, name, differences.map(({ member }) => member)])

describe('a plan', () => {
  it('makes what is not there', () => {
    const wanted = wantedOf(
      "event_types: { a.b: {} }\nsources: { crm: { adapter: generic } }\nwebhooks: { sales: { url: 'https://example.com/' } }",
    )
    expect(brief(plan(wanted, present(), none))).toEqual([
      ['create', 'event type', 'a.b', []],
      ['create', 'source', 'crm', []],
      ['create', 'webhook', 'sales', []],
    ])
  })

  it('keeps what is as it should be, with the defaults of what is left out', () => {
    const wanted = wantedOf("sources: { crm: { adapter: generic } }\nwebhooks: { sales: { url: 'https://example.com/' } }")
    const here = present({ sources: [aSource({ settings: { time_unit: 'rfc3339' } })], webhooks: [aWebhook()] })
    expect(plan(wanted, here, none).map(({ action }) => action)).toEqual(['keep', 'keep'])
  })

  it('names each member that differs', () => {
    const wanted = wantedOf(`
event_types: { a.b: { description: new } }
sources: { crm: { adapter: generic, settings: { type: /event } } }
webhooks:
  sales:
    url: https://example.com/
    mode: direct
    headers: { X-Team: sales }
    format_settings: { channel: a }
    subscriptions: ['table.*']
    fallback: pager
  pager: { url: 'https://example.com/pager' }`)
    const eventTypes = [{ name: 'a.b', description: 'old', schema: null, created_at: '', updated_at: '' }]
    const headers = { authorization: '[hidden]' }
    const here = present({ eventTypes, sources: [aSource()], webhooks: [aWebhook({ headers, rate_limit: 5 })] })

    const changes = plan(wanted, here, none)
    expect(brief(changes)).toEqual([
      ['change', 'event type', 'a.b', ['description']],
      ['change', 'source', 'crm', ['settings']],
      [
        'change',
        'webhook',
        'sales',
        ['rate_limit', 'retry', 'headers.x-team', 'headers.authorization', 'format_settings.channel', 'fallback', 'subscriptions'],
      ],
      ['create', 'webhook', 'pager', []],
    ])
    expect(changes[2]).toMatchObject({ id: 'w1', unseen: ['headers.x-team'] })
    expect(changes[2]?.differences.find(({ member }) => member === 'headers.authorization')).toMatchObject({ to: null })
  })

  it('knows relations by their labels, and subscriptions as a set', () => {
    const wanted = wantedOf(`
webhooks:
  sales: { url: 'https://example.com/', triggers: [b, other-id], subscriptions: [{ event_type: 'b.*', filters: { tags: [y, x] } }, 'a.*'] }
  b: { url: 'https://example.com/' }`)
    const subscriptions = [
      { event_type: 'a.*', filters: {} },
      { event_type: 'b.*', filters: { tags: ['x', 'y'] } },
    ]
    const here = present({ webhooks: [aWebhook({ triggers: ['other-id', 'w2'], subscriptions }), aWebhook({ id: 'w2', label: 'b' })] })
    expect(plan(wanted, here, none).map(({ action }) => action)).toEqual(['keep', 'keep'])
  })

  it('takes what the API hides for what it should be, unless it is to be sent again', () => {
    const wanted = wantedOf(
      "webhooks: { sales: { url: 'https://example.com/a', secret: '${S}', headers: { a: b }, format_settings: { routing_key: k } } }",
      { S: 'a-secret-of-16-characters' },
    )
    const hidden = { headers: { a: '[hidden]' }, format_settings: { routing_key: '[hidden]' }, url: 'https://example.com/***' }
    const here = present({ webhooks: [aWebhook(hidden)] })
    expect(plan(wanted, here, none)).toMatchObject([{ action: 'keep', unseen: ['secret', 'headers.a', 'format_settings.routing_key'] }])
    expect(plan(wanted, here, { prune: false, secrets: true })).toMatchObject([{ action: 'change', differences: [] }])
  })

  it('removes with --prune what the file leaves out: of the kinds that it names, and nothing without a label', () => {
    const here = present({
      sources: [aSource()],
      webhooks: [aWebhook({ label: null }), aWebhook({ id: 'w2', label: 'gone' }), aWebhook({ id: 'w3' })],
    })
    const wanted = wantedOf("webhooks: { sales: { url: 'https://example.com/' } }")
    expect(brief(plan(wanted, here, { prune: true, secrets: false }))).toEqual([
      ['keep', 'webhook', 'sales', []],
      ['delete', 'webhook', 'gone', []],
    ])
    expect(brief(plan(wantedOf('sources: {}'), here, { prune: true, secrets: false }))).toEqual([['delete', 'source', 'crm', []]])
    expect(plan(wantedOf('{}'), here, { prune: true, secrets: false })).toEqual([])
  })

  it('does not guess which of two webhooks with one label is meant', () => {
    const wanted = wantedOf("webhooks: { sales: { url: 'https://example.com/' } }")
    expect(() => plan(wanted, present({ webhooks: [aWebhook(), aWebhook({ id: 'w2' })] }), none)).toThrow(/w1, w2/)
  })

  it('without secrets compares nothing that comes out of a variable', () => {
    const text = "webhooks: { sales: { url: '${URL}', rate_limit: 5, headers: { a: '${A}' }, format_settings: { channel: '${C}' } } }"
    const here = present({
      webhooks: [
        aWebhook({
          url: 'https://hooks.slack.com/services/a',
          format: 'slack',
          headers: { a: '[hidden]' },
          format_settings: { channel: 'x' },
        }),
      ],
    })
    expect(brief(plan(wantedOf(text, {}, false), here, none))).toEqual([['change', 'webhook', 'sales', ['rate_limit']]])
  })
})

describe('the file', () => {
  it.each([
    ["webhooks: { sales: { url: '${NAME}' } }", /tidings\.yaml:1: webhooks\.sales\.url: the variable NAME is not set/],
    [
      'webhooks:\n  sales:\n    label: x\n    url: 5',
      /yaml:3: webhooks\.sales\.label: is not a known member here\n.*yaml:4: webhooks\.sales\.url: /,
    ],
    ['webhooks:\n  sales: {}', /yaml:2: webhooks\.sales\.url: is missing/],
    [
      'webhooks: { a: { url: x, subscriptions: [{ event_type: a.b, filters: { domain: [x] } }] } }',
      /subscriptions\[0\]\.filters\.domain: is not a known/,
    ],
    ['webhooks: { a: { url: x, mode: direct, retry: { strategy: exponential, attempts: 3 } } }', /webhooks\.a\.retry: says another number/],
    ["event_types: { 'no good': {} }", /event_types\.no good: must be words/],
    ['sources: { tidings: { adapter: x } }', /sources\.tidings: is a name that Tidings uses itself/],
    ['things: 1', /yaml:1: things: is not a known member/],
    ['webhooks: [', /yaml: Flow sequence/],
  ])('is refused with the place of what is wrong: %s', (text, message) => {
    expect(() => wantedOf(text)).toThrow(message)
    expect(() => wantedOf(text)).toThrow(expect.objectContaining({ exit: 2 }) as Error)
  })

  it('takes variables, files of variables, and texts that only look like one', () => {
    const file = join(folder, 'secret')
    writeFileSync(file, 'from-a-file\n')
    const { value, missing, isUnknown } = resolveVariables({ a: '${A}-${B}', b: ['$${A}', '${GONE}'], n: 1 }, { A: 'x', B_FILE: file })
    expect(value).toMatchObject({ a: 'x-from-a-file', b: ['${A}', expect.any(String)], n: 1 })
    expect(missing).toEqual([{ path: ['b', 1], name: 'GONE' }])
    expect([isUnknown(['b']), isUnknown(['b', 1]), isUnknown(['b', 0]), isUnknown(['a'])]).toEqual([true, true, false, false])
  })
})

describe('comparing', () => {
  it('lets what is there have more than is wanted, and no less', () => {
    expect(covers({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 2 } })).toBe(true)
    expect(covers({ a: 1 }, { a: 1, b: 2 })).toBe(false)
    expect(covers([1, 2], [1])).toBe(false)
    expect(covers({ key: '[hidden]' }, { key: 'anything' })).toBe(true)
  })

  it('knows equal subscriptions', () => {
    const one = subscriptionsOf([
      { event_type: 'a', filters: { tags: ['x', 'y'], open_metadata: { include: ['b', 'a'] } } },
      { event_type: 'b' },
    ])
    const other = subscriptionsOf([
      { event_type: 'b', filters: {} },
      { event_type: 'a', filters: { open_metadata: { include: ['a', 'b'] }, tags: ['y', 'x'] } },
    ])
    expect(one).toEqual(other)
  })
})
