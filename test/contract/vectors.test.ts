import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { VerifyInput } from '../../shared/signing/scheme.ts'
import { createKeyPair, loadSchemes } from '../support/samples.ts'
import { foundryBody, hubspotSecret, standardSecret, stripeSignature, vectors, type Vector } from '../support/vectors.ts'

const schemes = await loadSchemes()

function verdict({ scheme: name, body, params, now = 0, title: _, ...rest }: Vector, more: Partial<VerifyInput> = {}) {
  const scheme = schemes.get(name)
  const set = scheme.params && { params: scheme.params.parse(params ?? {}) }
  return scheme.verify({ body: Buffer.from(body), now, toleranceSeconds: 300, ...rest, ...set, ...more })
}

describe.each(vectors)('$scheme: $title', (vector) => {
  it('verifies, and no other body does', () => {
    expect(verdict(vector)).toEqual({ valid: true })
    expect(verdict({ ...vector, body: `${vector.body} ` }).valid).toBe(false)
    expect(verdict({ ...vector, secrets: ['another-secret'] }).valid).toBe(false)
  })
})

const vectorOf = (scheme: string) => vectors.find((vector) => vector.scheme === scheme) as Vector
const hmac = (key: string, text: string, encoding: 'hex' | 'base64') => createHmac('sha256', key).update(text).digest(encoding)

describe('foundry', () => {
  const vector = vectorOf('foundry')
  const at = (seconds: number) => verdict(vector, { now: (vector.now ?? 0) + seconds * 1000 })

  it('looks at the signature before the time', () => {
    expect(at(301)).toMatchObject({ kind: 'timestamp' })
    expect(verdict({ ...vector, body: '{}' }, { now: 0 })).toMatchObject({ kind: 'signature' })
    const { 'x-foundry-timestamp': _, ...headers } = vector.headers
    expect(verdict({ ...vector, headers })).toMatchObject({ kind: 'signature' })
  })

  it('takes a signed text that is no time for one that is too old', () => {
    const headers = {
      'x-foundry-timestamp': 'soon',
      'x-foundry-signature': hmac('whsec_your_webhook_secret_here', `soon.${foundryBody}`, 'hex'),
    }
    expect(verdict({ ...vector, headers })).toMatchObject({ valid: false, kind: 'timestamp' })
  })
})

describe('openmetadata', () => {
  const [key, body] = ['your-hmac-secret-key', '{"eventType":"entityCreated"}']
  const hex = { 'x-openmetadata-signature': `sha256=${hmac(key, body, 'hex')}` }
  const base64 = { 'x-om-signature': `sha256=${hmac(key, body, 'base64')}` }
  const verify = (scheme: string, headers: Record<string, string>) => verdict({ scheme, title: '', secrets: [key], headers, body }).valid

  it('takes either form in its own header, and neither in the other', () => {
    expect([verify('openmetadata', hex), verify('openmetadata', base64)]).toEqual([true, true])
    expect([verify('openmetadata-real', hex), verify('openmetadata-real', base64)]).toEqual([false, true])
    expect(verify('openmetadata', { 'x-openmetadata-signature': base64['x-om-signature'] as string })).toBe(false)
    expect(verify('openmetadata', { 'x-om-signature': hex['x-openmetadata-signature'] as string })).toBe(false)
    expect(verify('openmetadata', { 'x-openmetadata-signature': hmac(key, body, 'hex') })).toBe(false)
  })
})

describe('hubspot', () => {
  const request = { method: 'POST', body: '[{"eventId":1}]', secrets: [hubspotSecret], title: '' }
  const v3 = (url: string, signedUrl: string, at = 1_670_945_969_000, more: Partial<VerifyInput> = {}) => {
    const signature = hmac(hubspotSecret, `POST${signedUrl}${request.body}${at}`, 'base64')
    const headers = { 'x-hubspot-signature-v3': signature, 'x-hubspot-request-timestamp': String(at) }
    return verdict({ ...request, scheme: 'hubspot-v3', url, headers, now: 1_670_945_969_000 }, more).valid
  }

  it('undoes exactly the escapes of the documentation, in one pass and either case', () => {
    const escapes = '%3A%3a%2F%2f%3F%40%21%24%27%28%29%2A%2a%2C%2c%3B%3b'
    expect(v3(`https://h.example/in?q=${escapes}`, "https://h.example/in?q=::///?@!$'()**,,;;".replace('///', '//'))).toBe(true)
    for (const kept of ['%20', '%26', '%3D', '%23', '%25', '%2B', '%5B', '%253A', '%e2%82%ac', '%', '%zz'])
      expect(v3(`https://h.example/in?q=${kept}`, `https://h.example/in?q=${kept}`), kept).toBe(true)
    expect(v3('https://h.example/in?q=%253A', 'https://h.example/in?q=:')).toBe(false)
    expect(v3('https://h.example/in?q=%26', 'https://h.example/in?q=&')).toBe(false)
  })

  it('holds the past to 300 000 milliseconds, and not the future', () => {
    const now = 1_670_945_969_000
    expect([now - 300_000, now - 300_001, now + 600_000].map((at) => v3('https://h.example/', 'https://h.example/', at))).toEqual([
      true,
      false,
      true,
    ])
  })

  it('refuses without the method or the URL that are signed', () => {
    expect(v3('', '')).toBe(false)
    expect(v3('https://h.example/', 'https://h.example/', undefined, { method: '' })).toBe(false)
    expect(verdict({ ...vectorOf('hubspot-v2'), url: 'http://www.example.com/webhook_uri' }).valid).toBe(false)
  })

  it('is not an HMAC in v1, and says which version it is', () => {
    const vector = vectorOf('hubspot-v1')
    const headers = { ...vector.headers, 'x-hubspot-signature': hmac(hubspotSecret, vector.body, 'hex') }
    expect(verdict({ ...vector, headers }).valid).toBe(false)
    expect(verdict({ ...vector, headers: { ...vector.headers, 'x-hubspot-signature-version': 'v2' } }).valid).toBe(false)
    const unkeyed = createHash('sha256').update(vector.body).digest('hex')
    expect(verdict({ ...vector, secrets: [''], headers: { ...vector.headers, 'x-hubspot-signature': unkeyed } }).valid).toBe(false)
  })
})

describe('names and elements', () => {
  it('shopify: the newer header wins when both are there, and an empty body is refused', () => {
    const vector = vectorOf('shopify')
    const right = vector.headers['x-shopify-hmac-sha256'] as string
    expect(verdict({ ...vector, headers: { 'shopify-hmac-sha256': right, 'x-shopify-hmac-sha256': 'wrong' } }).valid).toBe(true)
    expect(verdict({ ...vector, headers: { 'shopify-hmac-sha256': 'wrong', 'x-shopify-hmac-sha256': right } }).valid).toBe(false)
    const headers = { 'x-shopify-hmac-sha256': hmac('test_secret_key', '', 'base64') }
    expect(verdict({ ...vector, headers, body: '' })).toMatchObject({ valid: false, reason: 'the body is empty' })
  })

  it('github: the legacy SHA-1 alone is nothing', () => {
    const vector = vectorOf('github')
    const sha1 = createHmac('sha1', vector.secrets[0] as string)
      .update(vector.body)
      .digest('hex')
    expect(verdict({ ...vector, headers: { 'x-hub-signature': `sha1=${sha1}` } }).valid).toBe(false)
    // the same header name is Bitbucket's, with SHA-256
    const headers = { 'x-hub-signature': vector.headers['x-hub-signature-256'] as string }
    expect(verdict({ ...vector, scheme: 'bitbucket-server', headers })).toEqual({ valid: true })
    expect(verdict({ ...vector, scheme: 'bitbucket-server', headers: { 'x-hub-signature': `sha1=${sha1}` } }).valid).toBe(false)
  })

  it('stripe: one of several v1 is enough, v0 never', () => {
    const vector = vectorOf('stripe')
    const withHeader = (value: string) => verdict({ ...vector, headers: { 'stripe-signature': value } }).valid
    expect(withHeader(`t=1533204620,v1=${'0'.repeat(64)},${stripeSignature}`)).toBe(true)
    expect(withHeader(`t=1533204620,${stripeSignature.replace('v1', 'v0')}`)).toBe(false)
    expect(verdict(vector, { now: 1_533_204_921_000 })).toMatchObject({ kind: 'timestamp' })
    expect(verdict(vector, { now: 1_533_204_000_000 })).toEqual({ valid: true })
  })

  it('tokens are the secret, and no shorter or longer text is', () => {
    const token = (value: string) =>
      verdict({ scheme: 'gitlab-token', title: '', secrets: ['', 'sampleToken!'], headers: { 'x-gitlab-token': value }, body: '{}' }).valid
    expect(['sampleToken!', 'badsampleToken!!', 'sampleToken', 'sampleToken!!', ''].map(token)).toEqual([true, false, false, false, false])
  })

  it('the same secret is another key in every family', () => {
    const vector = vectorOf('svix')
    expect(verdict({ ...vector, secrets: [standardSecret.slice(6)] }).valid).toBe(true)
    const verbatim = hmac(standardSecret, `${vector.headers['svix-id']}.1614265330.${vector.body}`, 'base64')
    expect(verdict({ ...vector, headers: { ...vector.headers, 'svix-signature': `v1,${verbatim}` } }).valid).toBe(false)
  })
})

describe('standard-webhooks-ed25519', () => {
  const scheme = schemes.get('standard-webhooks-ed25519')
  const signed = { id: 'msg_1', now: 1_767_225_600_000, body: Buffer.from('{}') }

  it('verifies with the public key what the private key signed, and cannot sign with the public key', () => {
    const [pair, other] = [createKeyPair(), createKeyPair()]
    const headers = scheme.sign({ ...signed, secrets: [pair.secret, other.secret] })
    for (const secret of [pair.publicKey, other.publicKey, pair.secret])
      expect(scheme.verify({ ...signed, headers, secrets: [secret], toleranceSeconds: 300 })).toEqual({ valid: true })
    expect(() => scheme.sign({ ...signed, secrets: [pair.publicKey, standardSecret] })).toThrow('no secret to sign with')
  })

  it('takes a seed without the public key, and one spelling of a signature', () => {
    const { secret } = createKeyPair()
    const seed = `whsk_${Buffer.from(secret.slice(5), 'base64').subarray(0, 32).toString('base64')}`
    const headers = scheme.sign({ ...signed, secrets: [seed] })
    expect(headers).toEqual(scheme.sign({ ...signed, secrets: [secret] }))
    const respelt = (headers['webhook-signature'] as string).replace(/==$/, '')
    expect(
      scheme.verify({ ...signed, headers: { ...headers, 'webhook-signature': respelt }, secrets: [secret], toleranceSeconds: 300 }).valid,
    ).toBe(false)
  })
})

describe('params', () => {
  const issues = (scheme: string, params: unknown) =>
    schemes
      .get(scheme)
      .params?.safeParse(params)
      .error?.issues.map(({ path }) => path.join('.'))

  it.each([
    ['generic-hmac', {}, ['header']],
    ['generic-hmac', { header: 'X Y' }, ['header']],
    ['generic-hmac', { header: 'X', signed: '{timestamp}.{body}' }, ['timestamp_header']],
    ['generic-hmac', { header: 'X', timestamp_header: 'T' }, ['timestamp_header']],
    ['generic-hmac', { header: 'X', signed: '{timestamp}', timestamp_header: 'T' }, ['signed']],
    ['generic-hmac', { header: 'X', signed: '{body}{id}' }, ['signed']],
    ['generic-hmac', { header: 'X', signed: '{body}{body}' }, ['signed']],
    ['generic-hmac', { header: 'X', signed: '{timestamp}{body}', timestamp_header: 'x' }, ['timestamp_header']],
    ['generic-hmac', { header: 'X', tolerance_s: 60 }, ['tolerance_s']],
    ['generic-hmac', { header: 'X', algorithm: 'md5' }, ['algorithm']],
    ['sesam-hmac', {}, ['header']],
    ['sesam-token', { headers: 'X' }, ['']],
  ])('%s refuses %j', (scheme, params, fields) => {
    expect(issues(scheme, params)).toEqual(fields)
  })

  it('hold a tolerance of their own', () => {
    const params = { header: 'X-S', signed: '{timestamp}{body}', timestamp_header: 'X-T', tolerance_s: 10 }
    const headers = { 'x-s': hmac('k', '100{}', 'hex'), 'x-t': '100' }
    const at = (now: number) => verdict({ scheme: 'generic-hmac', title: '', secrets: ['k'], params, headers, body: '{}', now }).valid
    expect([110_000, 111_000, 89_000].map(at)).toEqual([true, false, false])
  })
})
