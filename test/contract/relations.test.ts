import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Storage, Webhook } from '../../shared/storage/storage.ts'
import { aWebhook, someTime } from '../support/builders.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('triggers and fallbacks on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  async function created(label: string, members: Partial<Webhook> = {}): Promise<Webhook> {
    const webhook = aWebhook({ label, ...members })
    await storage.webhooks.create(webhook)
    return webhook
  }
  const update = ({ id }: Webhook, patch: Partial<Webhook>) => storage.webhooks.update('org', id, patch, someTime)
  const refused = (field: string, message: string) => ({ code: 'invalid', errors: [{ field, message: expect.stringContaining(message) }] })

  it('may be any webhooks of the organization, and no others', async () => {
    const [here, gone, foreign] = [await created('here'), await created('gone'), await created('foreign', { organizationId: 'other' })]
    await storage.webhooks.remove('org', gone.id, someTime)

    const webhook = await created('first', { triggers: [here.id], fallback: here.id })

    expect(await storage.webhooks.load(webhook.id)).toEqual(webhook)
    for (const { id } of [gone, foreign, { id: 'none' }]) {
      await expect(update(webhook, { triggers: [here.id, id] })).rejects.toMatchObject(refused('triggers[1]', `no webhook "${id}"`))
      await expect(created('second', { fallback: id })).rejects.toMatchObject(refused('fallback', `no webhook "${id}"`))
    }
    expect(await storage.webhooks.load(webhook.id)).toEqual(webhook)
  })

  it('that lead back are refused with the way that they take, and nothing is written', async () => {
    const c = await created('c')
    const b = await created('b', { triggers: [c.id] })
    const a = await created('a', { fallback: b.id })
    const before = await storage.webhooks.registryVersion()

    await expect(update(c, { label: 'renamed', fallback: a.id })).rejects.toMatchObject(
      refused('fallback', 'round in a circle: "renamed" → "a" → "b" → "renamed"'),
    )
    await expect(update(c, { triggers: [a.id] })).rejects.toMatchObject(refused('triggers[0]', '"c" → "a" → "b" → "c"'))
    await expect(update(c, { triggers: [c.id] })).rejects.toMatchObject(refused('triggers[0]', '"c" → "c"'))
    expect(await storage.webhooks.load(c.id)).toEqual(c)
    expect(await storage.webhooks.registryVersion()).toBe(before)
  })

  it('that would close a loop together are not both written, though each alone would be none', async () => {
    const [a, b] = [await created('left'), await created('right')]

    const results = await Promise.allSettled([update(a, { triggers: [b.id] }), update(b, { fallback: a.id })])

    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const stored = await Promise.all([a, b].map(({ id }) => storage.webhooks.load(id)))
    expect(stored.filter((webhook) => webhook?.fallback || webhook?.triggers.length)).toHaveLength(1)
  })

  it('are taken out when their webhook is removed', async () => {
    const leaving = await created('leaving')
    const staying = await created('staying')
    const first = await created('first', { triggers: [leaving.id, staying.id], fallback: leaving.id })

    await storage.webhooks.remove('org', leaving.id, someTime)

    expect(await storage.webhooks.load(first.id)).toMatchObject({ triggers: [staying.id], fallback: null })
    expect((await update(staying, { triggers: [first.id] }).catch((error: unknown) => error)) as object).toMatchObject(
      refused('triggers[0]', '"staying" → "first" → "staying"'),
    )
  })
})
