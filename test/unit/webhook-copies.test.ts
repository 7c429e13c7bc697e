import { describe, expect, it } from 'vitest'
import { cacheWebhooks } from '../../services/dispatcher/webhooks.ts'
import { openVault } from '../../shared/secrets.ts'
import type { Webhook } from '../../shared/storage/storage.ts'
import { aWebhook } from '../support/builders.ts'

const vault = openVault(new Uint8Array(32).fill(7))
const webhook = { ...aWebhook(), secrets: [] }

const endOfTurn = () => new Promise(setImmediate)
type Asked = { ids: string[]; answer(url: string): void; fail(): void }

/** A database that answers when it is told to, with all that it is asked for, and says each time what it was asked. */
function setUp() {
  const asked: Asked[] = []
  const loadAll = (ids: string[]) =>
    new Promise<Webhook[]>((resolve, reject) =>
      asked.push({
        ids,
        answer: (url) => resolve(ids.map((id) => ({ ...webhook, id, url }))),
        fail: () => reject(new Error('the disk is gone')),
      }),
    )
  const clock = { ms: 5_000 }
  const copies = cacheWebhooks({ webhooks: { loadAll } }, vault, { now: () => clock.ms })
  const url = async (version: string, id = webhook.id) => (await copies.load(id, version))?.url
  /** The next question, when it has come. */
  async function next(count: number): Promise<Asked> {
    await expect.poll(() => asked.length).toBe(count)
    return asked[count - 1] as Asked
  }
  return { asked, next, clock, copies, url }
}

async function held() {
  const set = setUp()
  const first = set.url('v1')
  const question = await set.next(1)
  question.answer('https://first.test')
  await first
  return set
}

describe('the copies of webhooks that a dispatcher holds', () => {
  it('are used while they are fresh', async () => {
    const { asked, clock, url } = await held()
    clock.ms += 4_900

    expect(await url('v1')).toBe('https://first.test')
    expect(asked).toHaveLength(1)
  })

  it('are read together where many are wanted at a time, each once', async () => {
    const { next, copies } = setUp()
    const loaded = Promise.all(['a', 'b', 'a', 'c'].map((id) => copies.load(id, 'v1')))

    const question = await next(1)
    expect(question.ids).toEqual(['a', 'b', 'c'])
    question.answer('https://all.test')
    expect((await loaded).map((copy) => copy?.id)).toEqual(['a', 'b', 'a', 'c'])
  })

  it('are read anew, once, while the old one still serves', async () => {
    const { asked, next, clock, url } = await held()
    clock.ms += 5_100

    expect(await Promise.all([url('v1'), url('v1')])).toEqual(['https://first.test', 'https://first.test'])
    const question = await next(2)
    question.answer('https://second.test')
    await expect.poll(() => url('v1')).toBe('https://second.test')
    expect(asked).toHaveLength(2)
  })

  it('are no older than ten seconds, though they could not be read anew', async () => {
    const { next, clock, url } = await held()
    clock.ms += 5_100
    await url('v1')
    const renewal = await next(2)
    renewal.fail()
    clock.ms += 5_000

    const late = url('v1')
    const question = await next(3)
    question.answer('https://second.test')
    expect(await late).toBe('https://second.test')
  })

  it('are read at once where the registry has changed, and what was on its way before does not pass for the new one', async () => {
    const { next, clock, url } = await held()
    clock.ms += 5_100
    await url('v1')
    const renewal = await next(2)

    const fresh = url('v2')
    const question = await next(3)
    question.answer('https://third.test')
    expect(await fresh).toBe('https://third.test')
    renewal.answer('https://second.test')
    await endOfTurn()
    const again = url('v2')
    const last = await next(4)
    last.answer('https://third.test')
    expect(await again).toBe('https://third.test')
  })
})
