import { describe, expect, it } from 'vitest'
import { VerificationError, receiver, verify } from '../../shared/receiver/index.ts'
import { loadSchemes, setupsOf } from '../support/samples.ts'

const schemes = await loadSchemes()
const now = Date.UTC(2026, 3, 15, 9, 0, 3)
const body = Buffer.from('{"id":"1","type":"table.updated"}')
const cases = schemes
  .all()
  .filter(({ unsigned }) => !unsigned)
  .flatMap((scheme) => setupsOf(scheme.name).map((setup) => ({ ...setup, scheme, name: scheme.name })))

function refusalOf(action: () => unknown): VerificationError {
  try {
    action()
  } catch (error) {
    if (error instanceof VerificationError) return error
    throw error
  }
  throw new Error('was not refused')
}

describe.each(cases)('verify: $name $title', ({ scheme, name, createSecret, params, method, url }) => {
  const [secret, former, stranger] = [createSecret(), createSecret(), createSecret()]
  const set = { ...(params && { params }), ...(method && { method }), ...(url && { url }) }
  const headers = scheme.sign({ id: 'msg_1', now, body, secrets: [secret], ...set })
  const request = { scheme: name, secrets: [former, secret], headers, body, now, ...set }

  it('returns for what any of the secrets has signed, under its name or as an object', () => {
    expect(verify(request)).toBeUndefined()
    expect(verify({ ...request, scheme })).toBeUndefined()
    expect(verify({ ...request, body: body.toString() })).toBeUndefined()
    expect(verify({ ...request, headers: new Headers(headers) })).toBeUndefined()
    const shouted = Object.entries(headers).map(([key, value]) => [key.toUpperCase(), [value]])
    expect(verify({ ...request, headers: Object.fromEntries(shouted) })).toBeUndefined()
  })

  it('throws for anybody else, and without headers or secrets', () => {
    for (const more of [{ secrets: [stranger] }, { secrets: [] }, { secrets: [undefined, ''] }, { headers: {} }])
      expect(refusalOf(() => verify({ ...request, ...more })).kind).toBe('signature')
  })
})

describe('verify', () => {
  const secret = 'whsec_your_webhook_secret_here'
  const headers = schemes.get('foundry').sign({ id: '', now, body, secrets: [secret] })
  const request = { scheme: 'foundry', secrets: [secret], headers, body, now }

  it('holds the time to the tolerance, which can be set', () => {
    expect(() => verify({ ...request, now: now + 300_000 })).not.toThrow()
    expect(refusalOf(() => verify({ ...request, now: now + 301_000 })).kind).toBe('timestamp')
    expect(() => verify({ ...request, now: now + 301_000, toleranceSeconds: 600 })).not.toThrow()
    expect(refusalOf(() => verify({ ...request, now: now + 61_000, toleranceSeconds: 60 })).kind).toBe('timestamp')
    // the clock, where no time is given
    expect(refusalOf(() => verify({ ...request, now: undefined as never })).kind).toBe('timestamp')
  })

  it('does not take a body that was parsed', () => {
    expect(() => verify({ ...request, body: JSON.parse(body.toString()) as string })).toThrow('must be the raw bytes')
  })

  it('says what is wrong with its own set-up, which is no verdict', () => {
    expect(() => verify({ ...request, scheme: '../mac' })).toThrow('there is no scheme "../mac"; known: bitbucket-server, foundry,')
    expect(() => verify({ ...request, params: { header: 'X' } })).toThrow('the scheme foundry takes no params')
    expect(() => verify({ ...request, scheme: 'generic-hmac' })).toThrow('the params of the scheme generic-hmac are not right: header: ')
  })

  it('is set up when a receiver is made, not when the first request comes', () => {
    const handle = () => {}
    expect(() => receiver({ scheme: 'foundy', secrets: [secret], handle })).toThrow('there is no scheme "foundy"')
    expect(() => receiver({ scheme: 'foundry', secrets: [undefined, ''], handle })).toThrow('no secret to verify foundry with')
    expect(() => receiver({ scheme: 'sesam-hmac', secrets: [secret], handle })).toThrow('sesam-hmac are not right')
  })
})
