import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

describe('a key', () => {
  it('is changed: label, scopes, expiry, limit', async () => {
    const { body } = await status.call<{ id: string; key: string }>('POST', '/keys', { label: 'a', scopes: ['read'], rate_limit: 7 })
    const expires_at = new Date(status.clock.now() + 60_000).toISOString()

    const changed = await status.call('PATCH', `/keys/${body.id}`, { label: 'b', scopes: ['write', 'write'], expires_at, rate_limit: null })

    expect(changed.body).toMatchObject({ id: body.id, label: 'b', scopes: ['write'], expires_at, rate_limit: null })
    expect((await status.call('PATCH', `/keys/${body.id}`, {})).body).toEqual(changed.body)
    expect((await status.call('PATCH', `/keys/${body.id}`, { expires_at: null })).body).toMatchObject({ expires_at: null, label: 'b' })
    for (const wrong of [{ scopes: [] }, { label: '' }, { expires_at: '2020-01-01T00:00:00Z' }, { rate_limit: 0 }, { id: 'x' }])
      expect((await status.call('PATCH', `/keys/${body.id}`, wrong)).status, JSON.stringify(wrong)).toBe(422)
    expect((await status.call('PATCH', '/keys/none', { label: 'b' })).status).toBe(404)
  })

  it('is rotated: both texts are taken until the overlap has passed', async () => {
    const app = await openStatusApp()
    const { body: made } = await app.call<{ id: string; key: string }>('POST', '/keys', { label: 'a', scopes: ['read'] })
    const { body: rotated } = await app.call<{ key: string; previous_expires_at: string }>('POST', `/keys/${made.id}/rotate`, {
      overlap_seconds: 60,
    })
    const works = async (key: string) => (await app.call('GET', '/session', undefined, { key })).status
    const stored = (text: string) => app.storage.keys.findByHash(hashApiKey(text), app.clock.now())

    expect(rotated).toMatchObject({ id: made.id, previous_expires_at: new Date(app.clock.now() + 60_000).toISOString() })
    expect([await works(made.key), await works(rotated.key)]).toEqual([200, 200])
    app.clock.forward(60_000)
    expect([await stored(made.key), (await stored(rotated.key))?.id]).toEqual([undefined, made.id])
    const { body: last } = await app.call<{ key: string }>('POST', `/keys/${made.id}/rotate`, { overlap_seconds: 0 })
    expect([await stored(rotated.key), (await stored(last.key))?.id]).toEqual([undefined, made.id])
    expect((await app.call<{ previous_expires_at: string }>('POST', `/keys/${made.id}/rotate`)).body.previous_expires_at).toBe(
      new Date(app.clock.now() + 86_400_000).toISOString(),
    )
    await app.close()
  })

  it('that is cut off or mistyped is told by its checksum, and one of the first form is looked up', async () => {
    const text = createApiKey()
    const first = `tdk_${'a-_'.repeat(14)}x`
    await status.storage.keys.create(
      {
        id: 'of the first form',
        organizationId: 'org',
        label: 'old',
        scopes: ['read'],
        createdAt: 0,
        expiresAt: null,
        lastUsedAt: null,
        rateLimit: null,
      },
      hashApiKey(first),
    )

    expect(text).toMatch(/^tdk_[0-9A-Za-z]{49}$/)
    const mistyped = await status.call('GET', '/session', undefined, { key: `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}` })
    expect([mistyped.status, mistyped.text]).toEqual([401, expect.stringContaining('checksum')])
    expect((await status.call('GET', '/session', undefined, { key: text })).text).not.toContain('checksum')
    expect((await status.call('GET', '/session', undefined, { key: first })).status).toBe(200)
  })
})
