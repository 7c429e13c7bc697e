import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileValidation, ValidationExpression, type ValidationInput } from '../../services/ingest/sesam/validation-expression.ts'
import { TemplateError } from '../../services/ingest/sesam/template-tokens.ts'

const body = '{"id":1071559748,"title":"Burton Custom Freestyle 151"}'
const secrets: Record<string, string> = { webhook_secret: 'open-wh', oauth_client_secret: 'open-client-secret', empty: '' }
const hmac = (key: string, text = body) => createHmac('sha256', key).update(text).digest('base64')

const run = (template: string, headers: Record<string, string | undefined> = {}, more: Partial<ValidationInput> = {}) => {
  const result = compileValidation(template)({
    headers,
    body: Buffer.from(body),
    secret: (name) => secrets[name],
    url: 'https://h.example/in',
    params: {},
    now: 1_767_225_600_000,
    ...more,
  })
  return result.accepted ? '' : result.text
}

const signed = (secret: string, header = 'X-Shopify-Hmac-SHA256') =>
  `{% if request_headers['${header}'] == b64encode(hmacsha256digest(secret('${secret}'), request_body)) %}{% else %}FAIL!{% endif %}`

describe('the forms of the contract', () => {
  it.each([
    [
      'a right signature, its header in another case',
      signed('oauth_client_secret'),
      { 'x-shopify-hmac-sha256': hmac('open-client-secret') },
      '',
    ],
    ['a wrong signature', signed('oauth_client_secret'), { 'x-shopify-hmac-sha256': hmac('open-wh') }, 'FAIL!'],
    ['no header', signed('oauth_client_secret'), {}, 'FAIL!'],
    ['an empty header', signed('oauth_client_secret'), { 'x-shopify-hmac-sha256': '' }, 'FAIL!'],
    ['a right token', "{% if request_headers['X-T'] == secret('webhook_secret') %}{% else %}FAIL!{% endif %}", { 'x-t': 'open-wh' }, ''],
    ['a right token, inline', "{{ '' if request_headers['X-T'] == secret('webhook_secret') else 'no' }}", { 'x-t': 'open-wh' }, ''],
    ['a wrong token, inline', "{{ '' if request_headers['X-T'] == secret('webhook_secret') else 'no' }}", { 'x-t': 'x' }, 'no'],
  ])('%s', (_, template, headers, text) => {
    expect(run(template, headers)).toBe(text)
  })

  it('refuses every other header', () => {
    const template = signed('webhook_secret')
    fc.assert(
      fc.property(fc.oneof(fc.base64String(), fc.string({ unit: 'binary' })), (value) => {
        fc.pre(value !== hmac('open-wh'))
        expect(run(template, { 'x-shopify-hmac-sha256': value })).toBe('FAIL!')
      }),
    )
  })
})

describe('an absent or empty secret never verifies', () => {
  const token = (secret: string) => `{% if request_headers['X-T'] == secret('${secret}') %}{% else %}FAIL!{% endif %}`

  it.each(['missing', 'empty'])('%s', (name) => {
    for (const headers of [{}, { 'x-t': '' }, { 'x-t': 'undefined' }, { 'x-t': hmac('') }]) {
      expect(run(token(name), headers)).toBe('FAIL!')
      expect(run(signed(name, 'X-T'), headers)).toBe('FAIL!')
    }
    // templates that would render empty all the same
    for (const template of [
      `{{ secret('${name}') }}`,
      `{% if secret('${name}') %}FAIL!{% endif %}`,
      `{% if 1 != 1 or secret('${name}') == '' %}FAIL!{% endif %}`,
    ])
      expect(run(template)).toBe(`the secret "${name}" is not set`)
    expect(run(`{{ '' if hmacsha256digest('', request_body) == '' else '' }}`)).toBe('there is no key to verify with')
  })

  it('and what is not there equals nothing', () => {
    expect(run("{{ 'equal' if request_headers['A'] == request_headers['B'] else 'different' }}")).toBe('different')
    expect(run("{{ 'different' if request_headers['A'] != request_headers['A'] }}")).toBe('different')
  })
})

describe('the language', () => {
  it.each([
    ['{{ \'a\' }}{# nothing #}b{{ "c" }}', 'abc'],
    ["{% if false %}a{% elif request_params['x'] == '1' %}b{% else %}c{% endif %}", 'b'],
    ['{% if not (true and false) or false %}a{% endif %}', 'a'],
    ["{{ request_headers['X-A'] | lower | base64_encode }}", 'YWI='],
    ["{{ 'yes' if request_body | base64_encode == b64encode(request_body) else 'no' }}", 'yes'],
    ["{{ 'yes' if 'abc' | bytes == 'YWJj' | base64_decode else 'no' }}", 'yes'],
    ["{{ 'no' if 'abc' | bytes == 'abc' else 'bytes are no text' }}", 'bytes are no text'],
    ["{{ url }} {{ 1 if 1 == 1 else 2 }} {{ none }} {{ ' x '|trim }}", 'https://h.example/in 1 None x'],
    ['a {%- if true -%} b {%- endif -%} c', 'abc'],
    ["{{ '}}' }}{{ 'it\\'s' }}", "}}it's"],
    ["{{ 'nested' if 'a' == 'b' else 'x' if true else 'y' }}\n", 'x'],
    ["{% if request_headers.authorization == 'k' %}{% else %}FAIL!{% endif %}", 'FAIL!'],
  ])('%s', (template, text) => {
    expect(run(template, { 'x-a': 'AB' }, { params: { x: '1' } })).toBe(text)
  })

  it.each([
    ["{% if request_headers['A'] %}", '`if` has no `endif`'],
    ['{% endif %}', '`endif` has no `if` before it'],
    ['{% for x in y %}{% endfor %}', '`for` is not known'],
    ['{{ process }}', '`process` is not known'],
    ['{{ constructor }}', '`constructor` is not known'],
    ["{{ exec('x') }}", 'exec is not known'],
    ["{{ 'x' | eval }}", 'the filter eval is not known'],
    ['{{ secret() }}', 'secret has 0 arguments'],
    ["{{ 'x' | decode_jwt('k', verify=false) }}", 'has no argument `verify`'],
    ["{{ request_headers.get('X') }}", '`(` was not expected'],
    ["{{ 'a' == }}", 'a value was expected at the end'],
    ["{{ 'a }}", '`}}` is missing'],
    ['{{ a[ }}', 'a value was expected'],
    ['{{ 1 + 1 }}', 'cannot be read'],
    [`{{ ${'('.repeat(60)}1${')'.repeat(60)} }}`, 'nested more than 50 deep'],
  ])('refuses %s', (template, message) => {
    expect(() => compileValidation(template)).toThrow(TemplateError)
    expect(() => compileValidation(template)).toThrow(message)
    expect(ValidationExpression.safeParse(template).error?.issues[0]?.message).toContain(message)
  })

  it('refuses or reads any text, and never breaks', () => {
    const word = fc.constantFrom(
      '{{',
      '}}',
      '{%',
      '%}',
      'if',
      'else',
      'endif',
      '(',
      ')',
      '[',
      ']',
      "'",
      '"',
      '==',
      '|',
      'secret',
      'request_headers',
      ' ',
      '\\',
      '.',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 30 }), (words) => {
        try {
          run(words.join(''))
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('decode_jwt', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys: Record<string, string> = { public_key: publicKey.export({ format: 'pem', type: 'spki' }).toString(), hs: 'shared' }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (claims: object, alg = 'RS256') => {
    const text = `${part({ alg })}.${part(claims)}`
    if (alg === 'none') return `${text}.`
    const signature =
      alg === 'RS256'
        ? sign('sha256', Buffer.from(text), privateKey)
        : createHmac('sha256', keys.hs as string)
            .update(text)
            .digest()
    return `${text}.${signature.toString('base64url')}`
  }
  const check = (given: string, call = "decode_jwt(secret('public_key'))") =>
    run(`{% if (request_headers['X-Jwt'] | ${call}) %}{% else %}FAIL!{% endif %}`, { 'x-jwt': given }, { secret: (name) => keys[name] })
  const now = 1_767_225_600

  it('accepts a token that holds, and no other', () => {
    expect(check(token({ sub: 'a', exp: now + 1, nbf: now }))).toBe('')
    expect(check(`Bearer ${token({ sub: 'a' })}`)).toBe('')
    for (const claims of [
      { sub: 'a', exp: now },
      { sub: 'a', nbf: now + 1 },
      { sub: 'a', exp: 'x' },
      { sub: 'a', aud: 'b' },
    ])
      expect(check(token(claims))).toBe('FAIL!')
    const good = token({ sub: 'a' })
    for (const bad of [
      '',
      'a.b.c',
      `${good}.x`,
      good.slice(0, -2),
      `${part({ alg: 'RS256' })}.${part({ sub: 'b' })}.${good.split('.')[2]}`,
    ])
      expect(check(bad)).toBe('FAIL!')
    for (const alg of ['none', 'HS256']) expect(check(token({ sub: 'a' }, alg))).toBe('FAIL!')
  })

  it('holds the claims to what is asked for', () => {
    const call = "decode_jwt(key=secret('public_key'), audience=['x', 'us'], issuer='them', leeway=10)"
    expect(check(token({ aud: 'us', iss: 'them', exp: now - 5 }), call)).toBe('')
    expect(check(token({ aud: ['us'], iss: 'me' }), call)).toBe('FAIL!')
    expect(check(token({ iss: 'them' }), call)).toBe('FAIL!')
    expect(check(token({ sub: 'a' }, 'HS256'), "decode_jwt(secret('hs'), algorithms=['HS256', 'none'])")).toBe('')
    expect(check(token({ sub: 'a' }, 'none'), "decode_jwt(secret('hs'), algorithms=['HS256', 'none'])")).toBe('FAIL!')
  })

  it('refuses what a template renders empty for a token that does not verify', () => {
    expect(run("{{ 'x' | decode_jwt('k') }}")).toBe('the token does not verify')
  })
})
