import { describe, expect, it } from 'vitest'
import { account, type Ledger, type LoggedDelivery } from '../../infra/demo/account.ts'
import type { Api } from '../../infra/demo/api.ts'
import { figuresOf } from '../../infra/demo/figures.ts'
import { readLedger } from '../../infra/demo/ledger.ts'
import { nothingPlayed } from '../../infra/demo/play.ts'
import { planPosts } from '../../infra/demo/posts.ts'
import { createRandom } from '../../infra/demo/random.ts'
import { planDay } from '../../infra/demo/stage.ts'
import type { SourceAdapter } from '../../services/ingest/source.ts'

const delivery = (eventId: string, receiver: string, more: Partial<LoggedDelivery> = {}): LoggedDelivery => ({
  id: `${eventId}/${receiver}`,
  receiver,
  eventId,
  status: 'succeeded',
  attempts: 1,
  generation: 0,
  acceptedAt: 1_000,
  deliveredAt: 1_040,
  ...more,
})
const receipt = (eventId: string, receiver: string, status: number | null = 204) => ({
  receiver,
  eventId,
  type: 'table.updated',
  valid: true,
  status,
})

/** Two events; one was wanted by two receivers, of which one failed at first and then took it; the other by nobody. */
const honest = (): Ledger => ({
  accepted: [
    { id: 'e1', type: 'table.updated', wantedBy: ['index', 'mirror'] },
    { id: 'e2', type: 'table.deleted', wantedBy: [] },
  ],
  lost: [],
  invented: [],
  refused: [],
  takenTwice: [],
  deliveries: [delivery('e1', 'index'), delivery('e1', 'mirror', { attempts: 2, deliveredAt: 3_000 })],
  matchedNothing: ['e2'],
  receipts: [receipt('e1', 'index'), receipt('e1', 'mirror', 500), receipt('e1', 'mirror')],
})

const wrongIn = (ledger: Ledger) =>
  account(ledger)
    .filter(({ ok }) => !ok)
    .map(({ check }) => check)

describe('the accounts of the demo', () => {
  it('are in order when both sides agree', () => {
    expect(wrongIn(honest())).toEqual([])
  })

  const falsifications: [string, (ledger: Ledger) => void][] = [
    ['every request of the catalogs was accepted', (ledger) => ledger.refused.push('/events: answered 422')],
    ['what was sent twice was accepted once', (ledger) => ledger.takenTwice.push('e1')],
    ['every accepted event is in the log', (ledger) => ledger.matchedNothing.pop()],
    ['every accepted event is in the log', (ledger) => ledger.lost.push('table.updated')],
    ['the log has no event that nobody sent', (ledger) => ledger.invented.push('e9')],
    ['every expected delivery is in the log', (ledger) => ledger.accepted[1]?.wantedBy.push('index')],
    ['every delivery is in a final state', (ledger) => Object.assign(ledger.deliveries[0] as object, { status: 'retrying' })],
    ['what had failed was sent again and arrived', (ledger) => Object.assign(ledger.deliveries[0] as object, { status: 'failed' })],
    ['the log has no delivery that nobody wanted', (ledger) => ledger.deliveries.push(delivery('e2', 'index'))],
    ['nothing came to a receiver that should not have', (ledger) => ledger.receipts.push(receipt('e2', 'index'))],
    ['what the receivers took the log says succeeded', (ledger) => Object.assign(ledger.deliveries[0] as object, { status: 'cancelled' })],
    ['what the log says succeeded the receivers took', (ledger) => ledger.receipts.pop()],
    ['no request was made that the log does not have', (ledger) => ledger.receipts.push(receipt('e1', 'index', null))],
    ['every signature is valid', (ledger) => Object.assign(ledger.receipts[0] as object, { valid: false })],
    ['every event came as what it was', (ledger) => Object.assign(ledger.receipts[0] as object, { type: 'table.deleted' })],
  ]
  it.each(falsifications)('say so when it is not so that %s', (check, falsify) => {
    const ledger = honest()
    falsify(ledger)
    expect(wrongIn(ledger)).toContain(check)
  })
})

describe('the figures of the demo', () => {
  it('tell first attempts from all, and retries from redeliveries', () => {
    const ledger = honest()
    ledger.deliveries.push(delivery('e2', 'mirror', { attempts: 4, generation: 1, deliveredAt: 9_000 }))
    ledger.receipts.push(receipt('e1', 'index'))

    expect(figuresOf(ledger, { mirror: 1 })).toEqual({
      matched: 3,
      delivered: 3,
      retried: 3,
      failed: 1,
      redelivered: 1,
      duplicates: 1,
      first_attempt: { deliveries: 1, p50_ms: 40, p99_ms: 40 },
      overall: { deliveries: 3, p50_ms: 2_000, p99_ms: 8_000 },
    })
    expect(figuresOf(ledger, { mirror: 1 }, 'index')).toMatchObject({ matched: 1, failed: 0, duplicates: 1 })
  })
})

describe('the day of the demo', () => {
  it('is the same for the same seed, and another for another', async () => {
    const [one, same, other] = await Promise.all([planDay(200, 7, 'run', true), planDay(200, 7, 'run', true), planDay(200, 8, 'run', true)])
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
    expect(one.posts.flatMap(({ told }) => told).length).toBeGreaterThanOrEqual(200)
  })

  it('is told in the words of all five catalogs and of HubSpot, which cannot be played where the address is not known', async () => {
    const [own, given] = await Promise.all([planDay(600, 1, 'run', true), planDay(600, 1, 'run', false)])
    const words = ({ posts }: typeof own) => new Set(posts.map(({ voice }) => voice))
    const everywhere = ['foundry', 'ptolemy', 'opteryx', 'openmetadata', 'sesam', 'sesam-hubspot']
    expect([...words(own)]).toEqual(expect.arrayContaining([...everywhere, 'hubspot']))
    expect([...words(given)]).toEqual(expect.arrayContaining(everywhere))
    expect(words(given)).not.toContain('hubspot')
    const pipe = own.posts.filter(({ voice }) => voice === 'sesam-hubspot')
    expect(new Set(pipe.map(({ path }) => path))).toEqual(new Set(['/api/receivers/run-sesam-hubspot/entities']))
    // the contact of each request is in no account
    for (const { body, told } of pipe) expect(told).toHaveLength((JSON.parse(body) as unknown[]).length - 1)
  })

  it('is told by the samples of an adapter that has no voice, each event once', () => {
    const posts = planPosts([], { voices: [], adapters: [foreign] }, 'run', createRandom(1))
    expect(posts.sources).toEqual([{ name: 'run-foreign', adapter: 'foreign', scheme: 'foreign' }])
    expect(posts.posts).toHaveLength(1)
    expect(posts.posts[0]).toMatchObject({ path: '/sources/run-foreign/events', told: [{ type: 'thing.made', source: 'run-foreign' }] })
  })

  it('finds in the log what was accepted by an answer without ids', async () => {
    const played = { ...nothingPlayed(), unnamed: [told('thing.made'), told('thing.made'), told('thing.gone')] }
    const events: Record<string, unknown> = { a: told('thing.made'), b: told('thing.made'), c: told('thing.else') }
    const rows = Object.keys(events).map((id) => ({
      event_id: id,
      webhook_id: 'w',
      source: 'run-foreign',
      accepted_at: '',
      delivered_at: null,
    }))
    const api = {
      ask: async (_method: string, path: string) =>
        path.startsWith('/events/') ? events[path.slice('/events/'.length)] : { data: rows, meta: { next_cursor: null } },
    } as unknown as Api
    const registered = { labels: new Map([['w', 'index']]), sources: [] }

    const ledger = await readLedger({ api, played, receivers: [], registered, own: true })

    expect(ledger.accepted.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(ledger.lost).toEqual(['thing.gone x'])
    expect(ledger.invented).toEqual(['c'])
  })
})

const told = (type: string) => ({ type, source: 'run-foreign', entity: { type: 'thing', name: 'x' } })
const foreign: SourceAdapter = {
  name: 'foreign',
  description: '',
  scheme: 'foreign',
  parse: ({ body }) => [{ sourceEventId: String(body), type: 'thing.made', raw: body, data: { text: '{}' } }],
  samples: [
    { title: 'one', headers: {}, body: 'same id' },
    { title: 'the same again', headers: {}, body: 'same id' },
  ],
}
