import { describe, expect, it } from 'vitest'
import { cacheWebhooks } from '../../services/dispatcher/webhooks.ts'
import { openVault } from '../../shared/secrets.ts'
import { aWebhook } from '../support/builders.ts'

const vault = openVault(new Uint8Array(32).fill(7))
const webhook = { ...aWebhook(), secrets: [] }

/** A database that answers when it is told to, and says each time how often it was asked. */
function setUp() {
  const asked: { answer(url: string): void; fail(): void }[] = []
  const load = () =>
    new Promise<typeof webhook>((resolve, reject) =>
      asked.push({ answer: (url) => resolve({ ...webhook, url }), fail: () => reject(new Error('the disk is gone')) }),
    )
  const clock = { ms: 5_000 }
  const copies = cacheWebhooks({ webhooks: { load } }, vault, { now: () => clock.ms })
  const url = async (version: string) => (await copies.load(webhook.id, version))?.url
  return { asked, clock, copies, url }
}

async function held() {
  const set = setUp()
  const first = set.url('v1')
  set.asked[0]?.answer('https://first.test')
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

  it('are read anew, once, while the old one still serves', async () => {
    const { asked, clock, url } = await held()
    clock.ms += 5_100

    expect(await Promise.all([url('v1'), url('v1')])).toEqual(['https://first.test', 'https://first.test'])
    expect(asked).toHaveLength(2)
    asked[1]?.answer('https://second.test')
    await expect.poll(() => url('v1')).toBe('https://second.test')
    expect(asked).toHaveLength(2)
  })

  it('are no older than ten seconds, though they could not be read anew', async () => {
    const { asked, clock, url } = await held()
    clock.ms += 5_100
    await url('v1')
    asked[1]?.fail()
    clock.ms += 5_000

    const late = url('v1')
    asked.at(-1)?.answer('https://second.test')
    expect(await late).toBe('https://second.test')
  })

  it('are read at once where the registry has changed, and what was on its way before does not pass for the new one', async () => {
    const { asked, clock, copies, url } = await held()
    clock.ms += 5_100
    await url('v1')

    const fresh = url('v2')
    asked[2]?.answer('https://third.test')
    expect(await fresh).toBe('https://third.test')
    asked[1]?.answer('https://second.test')
    await expect.poll(() => copies.version(webhook.id)).toBe('v1')
    const again = url('v2')
    asked[3]?.answer('https://third.test')
    expect(await again).toBe('https://third.test')
  })
})
