import { createCipheriv, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reseal } from '../../shared/reseal.ts'
import { Lookup } from '../../shared/contracts/lookup.ts'
import { openVault, type Vault } from '../../shared/secrets.ts'
import { aWebhook, someTime } from '../support/builders.ts'
import { dialects, type Dialect, type TestStorage } from '../support/storage.ts'

const [oldest, old, fresh] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array, Uint8Array]
const count = 450

/** As it was sealed before the master key was named in it. */
function sealedAtFirst(plain: string, owner: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', oldest, nonce).setAAD(Buffer.from(owner))
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`
}

describe('another master key', () => {
  let opened: TestStorage
  beforeAll(async () => {
    opened = await (dialects[0] as Dialect).open()
    const vault = openVault(old, oldest)
    for (let i = 0; i < count; i++) {
      const id = `webhook-${String(i).padStart(4, '0')}`
      const seal = i % 2 ? sealedAtFirst : vault.seal
      const secrets = ['one', 'two'].map((text) => ({ sealed: seal(`${text} of ${id}`, id), createdAt: someTime, expiresAt: null }))
      await opened.storage.webhooks.create(
        aWebhook({ id, secrets, headers: seal('{"x":"y"}', id), formatSettings: i % 3 ? null : seal('{}', id) }),
      )
    }
    const source = { id: 'source', organizationId: 'org', name: 's', adapter: 'cloudevents', scheme: null, schemeParams: {}, settings: {} }
    await opened.storage.sources.create({
      ...source,
      secrets: [vault.seal('of source', 'source')],
      namedSecrets: [{ name: 'a', sealed: vault.seal('of source', 'source') }],
      lookup: { ...Lookup.parse({ url: 'https://example.com/{id}' }), headers: vault.seal('of source', 'source') },
      collect: null,
      createdAt: someTime,
      updatedAt: someTime,
    })
    await opened.storage.webhooks.remove('org', 'webhook-0007', someTime)
  })
  afterAll(() => opened.close())

  async function readable(vault: Vault): Promise<number> {
    let opens = 0
    for (const { id, values } of await opened.storage.sealed.list('webhook', '', 1_000)) {
      expect(values.slice(0, 2).map((value) => vault.open(value, id))).toEqual([`one of ${id}`, `two of ${id}`])
      for (const value of values.slice(2)) vault.open(value, id)
      opens++
    }
    for (const { id, values } of await opened.storage.sealed.list('source', '', 10)) {
      expect(values).toHaveLength(3)
      for (const value of values) expect(vault.open(value, id)).toBe('of source')
    }
    return opens
  }

  it('leaves all readable before, during and after, goes on where it was stopped, and needs the old ones no more', async () => {
    const both = openVault(fresh, old, oldest)
    expect(await readable(both)).toBe(count)

    let steps = 0
    const stopped = reseal(opened.storage, both, () => {
      if (++steps === 2) throw new Error('stopped')
    })
    await expect(stopped).rejects.toThrow('stopped')
    expect(await readable(both)).toBe(count)

    const seen: number[] = []
    const result = await reseal(opened.storage, both, ({ rows }) => seen.push(rows))
    expect(seen).toEqual([200, 400, 450, 451])
    expect(result).toEqual({ rows: 451, resealed: 51, unreadable: [] })
    expect(await readable(openVault(fresh))).toBe(count)
    expect(await reseal(opened.storage, both, () => {})).toMatchObject({ rows: 451, resealed: 0 })
    expect(() => openVault(old).open(both.seal('x', 'id'), 'id')).toThrow('MASTER_KEY_PREVIOUS')
  })

  it('does not undo what somebody changes meanwhile, and names what it cannot open', async () => {
    const vault = openVault(oldest, fresh)
    const rows = await opened.storage.sealed.list('webhook', '', 1)
    const [row] = rows as [(typeof rows)[0]]
    const rotated = [{ sealed: vault.seal('changed meanwhile', row.id), createdAt: someTime, expiresAt: null }]
    await opened.storage.webhooks.update('org', row.id, { secrets: rotated }, someTime)

    await opened.storage.sealed.replace('webhook', [{ id: row.id, pairs: row.values.map((from) => ({ from, to: 'undone' })) }])

    expect((await opened.storage.webhooks.load(row.id))?.secrets).toEqual(rotated)
    const { unreadable } = await reseal(opened.storage, openVault(old), () => {})
    expect(unreadable).toHaveLength(count + 1)
    expect(unreadable).toContain('source source')
  })
})
