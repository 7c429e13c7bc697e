import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DirectoryEntry } from '../../shared/storage/directory.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { aWebhook, anEntry, someTime } from '../support/builders.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('the directory on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  const names = (entries: DirectoryEntry[]) => entries.map(({ kind, name }) => `${kind} ${name}`).sort()
  /** As a source gives it. */
  const given = (members: Partial<DirectoryEntry>) => {
    const { organizationId: _, source: __, updatedAt: ___, ...entry } = anEntry(members)
    return entry
  }

  it('keeps users and teams of one name apart, each in its organization', async () => {
    const user = anEntry({ name: 'same', isAdmin: true })
    const team = anEntry({ kind: 'team', name: 'same', members: ['ada'] })
    for (const entry of [user, team]) await storage.directory.put(entry)
    await storage.directory.put({ ...user, displayName: 'Changed' })

    expect(await storage.directory.find('org', 'user', 'same')).toEqual({ ...user, displayName: 'Changed' })
    expect(await storage.directory.find('org', 'team', 'same')).toEqual(team)
    expect(await storage.directory.find('other', 'team', 'same')).toBeUndefined()
    expect(await storage.directory.remove('other', 'team', 'same')).toBe(false)
    expect(await storage.directory.remove('org', 'team', 'same')).toBe(true)
    expect(await storage.directory.remove('org', 'team', 'same')).toBe(false)
    expect(await storage.directory.find('org', 'user', 'same')).toBeDefined()
  })

  it('finds who is asked for, the users of their teams, and admins where they are wanted', async () => {
    const organizationId = 'asking'
    const put = (members: Partial<DirectoryEntry>) => storage.directory.put(anEntry({ organizationId, ...members }))
    for (const name of ['ada', 'bob', 'cyd']) await put({ name })
    await put({ name: 'root', isAdmin: true })
    await put({ kind: 'team', name: 'sales', members: ['bob', 'gone'] })
    await put({ kind: 'team', name: 'bob' })
    await storage.directory.put(anEntry({ organizationId: 'asked in vain', name: 'ada', isAdmin: true }))
    const ask = async (...question: Parameters<Storage['directory']['lookUp']>) => names(await storage.directory.lookUp(...question))

    expect(await ask(organizationId, { names: ['ada', 'sales', 'nobody'], admins: false })).toEqual(['team sales', 'user ada', 'user bob'])
    expect(await ask(organizationId, { names: ['bob'], admins: true })).toEqual(['team bob', 'user bob', 'user root'])
    expect(await ask(organizationId, { names: [], admins: false })).toEqual([])
  })

  it('is listed by name, page by page', async () => {
    const organizationId = 'pages'
    for (const name of ['c', 'a', 'b']) await storage.directory.put(anEntry({ organizationId, name, source: name === 'b' ? 'hr' : null }))

    const first = await storage.directory.list(organizationId, 'user', { limit: 2 })
    const second = await storage.directory.list(organizationId, 'user', { limit: 2, after: first.nextCursor as string })

    expect([...first.rows, ...second.rows].map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(second.nextCursor).toBeNull()
    expect((await storage.directory.list(organizationId, 'team', { limit: 2 })).rows).toEqual([])
    expect((await storage.directory.list(organizationId, 'user', { limit: 2, source: 'hr' })).rows).toMatchObject([{ name: 'b' }])
    await expect(storage.directory.list(organizationId, 'user', { limit: 2, after: 'none' })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('is filled by a source, which replaces what is its own and nothing else', async () => {
    const organizationId = 'filling'
    const fill = (source: string, isWhole: boolean, ...entries: Partial<DirectoryEntry>[]) =>
      storage.directory.fill({ organizationId, source, entries: entries.map(given), isWhole }, someTime + 5)
    await storage.directory.put(anEntry({ organizationId, name: 'by hand', displayName: 'as it was' }))

    expect(await fill('hr', true, { name: 'ada' }, { name: 'bob' }, { kind: 'team', name: 'sales' }, { name: 'by hand' })).toEqual({
      written: 3,
      removed: 0,
      kept: [{ kind: 'user', name: 'by hand' }],
    })
    expect(await fill('crm', true, { name: 'ada', displayName: 'another' }, { name: 'cyd' })).toMatchObject({
      written: 1,
      kept: [{ kind: 'user', name: 'ada' }],
    })
    expect(await fill('hr', false, { name: 'dan' })).toEqual({ written: 1, removed: 0, kept: [] })
    expect(await fill('hr', true, { name: 'ada', displayName: 'Ada' })).toEqual({ written: 1, removed: 3, kept: [] })

    const users = (await storage.directory.list(organizationId, 'user', { limit: 10 })).rows
    expect(users).toMatchObject([
      { name: 'ada', displayName: 'Ada', source: 'hr', updatedAt: someTime + 5 },
      { name: 'by hand', displayName: 'as it was', source: null },
      { name: 'cyd', source: 'crm' },
    ])
    expect((await storage.directory.list(organizationId, 'team', { limit: 10 })).rows).toEqual([])
  })

  it('takes no webhook that the organization does not have, and then nothing at all', async () => {
    const organizationId = 'hooks'
    const [mine, removed] = [aWebhook({ organizationId }), aWebhook({ organizationId })]
    for (const webhook of [mine, removed, aWebhook({ id: 'of another' })]) await storage.webhooks.create(webhook)
    await storage.webhooks.remove(organizationId, removed.id, someTime)
    const field = (name: string) => ({ code: 'invalid', errors: [{ field: name }] })

    for (const webhookId of ['of another', removed.id])
      await expect(storage.directory.put(anEntry({ organizationId, webhookId }))).rejects.toMatchObject(field('webhook_id'))
    const entries = [given({ kind: 'team', name: 'first', webhookId: mine.id }), given({ kind: 'team', name: 'second', webhookId: 'none' })]
    await expect(storage.directory.fill({ organizationId, source: 'hr', entries, isWhole: true }, someTime)).rejects.toMatchObject(
      field('teams[1].webhook_id'),
    )
    expect((await storage.directory.list(organizationId, 'team', { limit: 10 })).rows).toEqual([])
  })

  it('forgets a webhook that is removed', async () => {
    const webhook = aWebhook({ organizationId: 'leaving' })
    await storage.webhooks.create(webhook)
    await storage.directory.put(anEntry({ organizationId: 'leaving', name: 'ada', webhookId: webhook.id }))

    await storage.webhooks.remove('leaving', webhook.id, someTime)

    expect(await storage.directory.find('leaving', 'user', 'ada')).toMatchObject({ webhookId: null })
  })
})
