import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import type { Scheme, VerifyInput } from '../../shared/signing/scheme.ts'
import { loadSchemes, setupsOf } from '../support/samples.ts'

const schemes = await loadSchemes()
const signing = schemes.all().filter(({ unsigned }) => !unsigned)
const now = 1_776_243_603_000
const body = Buffer.from('{"type":"table.updated","data":{"rows":9007199254740993,"name":"Größe"}}')
const id = '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11'
const createSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const [secret, former] = [createSecret(), createSecret()]

const cases = signing.flatMap((scheme) => setupsOf(scheme.name).map((setup) => ({ name: scheme.name, ...setup, scheme })))

describe.each(cases)('scheme $name $title', ({ scheme, createSecret: secretOf, takesFuture, refusesEmptyBody, ...setup }) => {
  const [secret, former, stranger] = [secretOf(), secretOf(), secretOf()]
  const set = {
    ...(setup.method && { method: setup.method }),
    ...(setup.url && { url: setup.url }),
    ...(scheme.params && { params: scheme.params.parse(setup.params ?? {}) }),
  }
  const sign = (more: Partial<Parameters<Scheme['sign']>[0]> = {}) => scheme.sign({ id, now, body, secrets: [secret], ...set, ...more })
  const verify = (headers: VerifyInput['headers'], more: Partial<VerifyInput> = {}) =>
    scheme.verify({ headers, body, secrets: [secret], now, toleranceSeconds: 300, ...set, ...more })
  const refused = (headers: VerifyInput['headers'], more: Partial<VerifyInput> = {}) => {
    const verdict = verify(headers, more)
    expect(verdict).toEqual({ valid: false, reason: expect.any(String), kind: expect.stringMatching(/^(signature|timestamp)$/) })
    // a reason that held the right signature would hand it to whoever guesses
    if (!verdict.valid)
      for (const value of Object.values(sign()).flatMap((text) => text.match(/[\w+/]{32,}/g) ?? []))
        expect(verdict.reason).not.toContain(value)
    return verdict
  }
  // what a scheme carries shows in what changes its headers; the proof of a token scheme is the secret itself
  const timed = JSON.stringify(sign()) !== JSON.stringify(sign({ now: now + 3_600_000 }))
  const token = Object.values(sign()).some((value) => value.includes(secret))

  it('verifies what it signs', () => {
    expect(verify(sign())).toEqual({ valid: true })
    const empty = Buffer.alloc(0)
    if (refusesEmptyBody) refused(sign({ body: empty }), { body: empty })
    else expect(verify(sign({ body: empty }), { body: empty })).toEqual({ valid: true })
  })

  it('sends header names in lower case and values that HTTP can carry', () => {
    for (const [name, value] of Object.entries(sign({ secrets: [secret, former] }))) {
      expect(name).toMatch(/^[a-z0-9-]+$/)
      expect(value).toMatch(/^[\x21-\x7e]+( [\x21-\x7e]+)*$/)
    }
  })

  it('is deterministic', () => {
    expect(sign({ secrets: [secret, former] })).toEqual(sign({ secrets: [secret, former] }))
  })

  it('accepts any of several secrets when verifying, wherever it stands', () => {
    for (const secrets of [
      [secret, former],
      [former, secret],
      ['', stranger, secret],
    ])
      expect(verify(sign(), { secrets })).toEqual({ valid: true })
  })

  it('signs with the newest secret at least while two are valid', () => {
    expect(verify(sign({ secrets: [secret, former] }))).toEqual({ valid: true })
  })

  it('refuses another secret, no secret and an empty one', () => {
    for (const secrets of [[stranger], [former, stranger], [], [''], ['whsec_']]) refused(sign(), { secrets })
  })

  it('refuses what someone signed with an empty key', () => {
    for (const empty of ['', 'whsec_']) {
      let forged: Record<string, string>
      try {
        forged = sign({ secrets: [empty] })
      } catch {
        continue
      }
      for (const secrets of [[''], [secret], ['', secret]]) refused(forged, { secrets })
    }
  })

  it('refuses when a header is missing or empty', () => {
    for (const name of Object.keys(sign())) {
      refused({ ...sign(), [name]: undefined })
      refused({ ...sign(), [name]: '' })
    }
  })

  it.runIf(!token)('refuses a body with one flipped bit, a byte more or a byte less', () => {
    const headers = sign()
    for (let bit = 0; bit < body.length * 8; bit++) {
      const flipped = Buffer.from(body)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      refused(headers, { body: flipped })
    }
    refused(headers, { body: Buffer.concat([body, Buffer.from(' ')]) })
    refused(headers, { body: body.subarray(0, -1) })
  })

  it.runIf(timed)('holds the timestamp to the tolerance, both ways and to the second', () => {
    const headers = sign()
    for (const seconds of [-300, -1, 0, 1, 300]) expect(verify(headers, { now: now + seconds * 1000 })).toEqual({ valid: true })
    for (const seconds of [301, 86_400]) expect(refused(headers, { now: now + seconds * 1000 })).toMatchObject({ kind: 'timestamp' })
    for (const seconds of [-86_400, -301]) {
      if (takesFuture) expect(verify(headers, { now: now + seconds * 1000 })).toEqual({ valid: true })
      else expect(refused(headers, { now: now + seconds * 1000 })).toMatchObject({ kind: 'timestamp' })
    }
    expect(verify(headers, { now: now + 60_000, toleranceSeconds: 60 })).toEqual({ valid: true })
    refused(headers, { now: now + 61_000, toleranceSeconds: 60 })
  })

  it('refuses every change of one character in a header', () => {
    const headers = sign()
    const names = Object.keys(headers)
    const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code))
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.option(visible, { nil: '' }), (name, at, character) => {
        const value = headers[name] as string
        const index = at % value.length
        fc.pre(value[index] !== character)
        refused({ ...headers, [name]: value.slice(0, index) + character + value.slice(index + 1) })
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses any other text in a header, and never throws', () => {
    const headers = sign()
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(headers)),
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.base64String(),
          fc.string({ unit: fc.constantFrom('t=', 'v1', ',', '0', 'a', 'F', '.', ' ') }),
        ),
        (name, value) => {
          fc.pre(value !== headers[name])
          refused({ ...headers, [name]: value })
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe.each(schemes.all().filter(({ unsigned }) => unsigned))('scheme $name, which signs nothing', (scheme) => {
  it('sends no header and takes nothing for proven', () => {
    expect(scheme.sign({ id, now, body, secrets: [secret] })).toEqual({})
    for (const secrets of [[], [''], [secret]])
      expect(scheme.verify({ headers: {}, body, secrets, now, toleranceSeconds: 300 })).toMatchObject({ valid: false })
  })
})

describe('standard-webhooks', () => {
  const scheme = schemes.get('standard-webhooks')
  const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const verify = (headers: Record<string, string>, payload: string | Buffer, secrets: string[], at: number) =>
    scheme.verify({ headers, body: Buffer.from(payload), secrets, now: at, toleranceSeconds: 300 }).valid

  it('agrees with the vector of the specification', () => {
    const signed = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', now: 1_614_265_330_000, body: Buffer.from('{"test": 2432232314}') }
    const headers = scheme.sign({ ...signed, secrets: [webhookSecret] })
    expect(headers).toEqual({
      'webhook-id': signed.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
    // the prefix of the secret is optional, unknown versions are passed over
    const several = `v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= ${headers['webhook-signature']}`
    expect(verify({ ...headers, 'webhook-signature': several }, signed.body, [webhookSecret.slice(6)], signed.now)).toBe(true)
    expect(
      verify({ ...headers, 'webhook-signature': several.slice(0, several.lastIndexOf(' ')) }, signed.body, [webhookSecret], signed.now),
    ).toBe(false)
  })

  it('is verified by the reference library, with each of two secrets, and verifies what that signs', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.uuid(), (text, key, messageId) => {
        const payload = JSON.stringify({ text })
        const [first, second] = [`whsec_${Buffer.from(key).toString('base64')}`, createSecret()]
        const at = Date.now()
        const headers = scheme.sign({ id: messageId, now: at, body: Buffer.from(payload), secrets: [first, second] })
        for (const valid of [first, second]) expect(new Webhook(valid).verify(payload, headers)).toEqual({ text })

        const theirs = {
          'webhook-id': messageId,
          'webhook-timestamp': String(Math.floor(at / 1000)),
          'webhook-signature': new Webhook(first).sign(messageId, new Date(at), payload),
        }
        expect(verify(theirs, payload, [second, first], at)).toBe(true)
        expect(verify(theirs, payload, [second], at)).toBe(false)
      }),
    )
  })

  it('does not let an id swallow the start of the body', () => {
    const text = '{"note":"a.1776243603.{}"}'
    const headers = scheme.sign({ id: 'msg', now, body: Buffer.from(text), secrets: [secret] })
    const shifted = { ...headers, 'webhook-id': `msg.1776243603.${text.slice(0, text.indexOf('.'))}` }
    expect(verify(shifted, text.slice(text.lastIndexOf('.') + 1), [secret], now)).toBe(false)
  })
})

describe('ptolemy', () => {
  const scheme = schemes.get('ptolemy')
  const mac = (key: string, t: number) =>
    createHmac('sha256', key)
      .update(Buffer.concat([Buffer.from(`${t}.`), body]))
      .digest('hex')
  const t = now / 1000
  const verify = (value: string, secrets = [secret]) =>
    scheme.verify({ headers: { 'ptolemy-signature': value }, body, secrets, now, toleranceSeconds: 300 }).valid

  it('takes the whole secret as the key and sends one v1 for each', () => {
    const headers = scheme.sign({ id, now, body, secrets: [secret, former] })
    expect(headers).toEqual({ 'ptolemy-signature': `t=${t},v1=${mac(secret, t)},v1=${mac(former, t)}` })
    expect(verify(headers['ptolemy-signature'] as string, [former])).toBe(true)
  })

  it('reads elements in any order and passes over those it does not know', () => {
    expect(verify(`v1=${'0'.repeat(64)},v0=x,v1=${mac(secret, t)},tt=1,,t=${t},v2=y`)).toBe(true)
  })

  it('refuses what is not exactly one time and a lower-case v1', () => {
    const good = mac(secret, t)
    for (const value of [
      `v1=${good}`,
      `t=${t}`,
      `t=${t},v1=`,
      `t=${t},t=${t + 1},v1=${good}`,
      `t=${t},v0=${good}`,
      `t=${t},v1=${good.toUpperCase()}`,
      `t=0${t},v1=${good}`,
    ])
      expect(verify(value), value).toBe(false)
  })
})
