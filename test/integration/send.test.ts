import type { LookupFunction } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createSender, responseBytes, SendAborted, type Outgoing, type Sender } from '../../shared/http/send.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { hostile, startHostile, type Behaviour, type Hostile } from '../support/hostile.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'

const loopback = createAddressPolicy({ allow: ['127.0.0.0/8'] })
const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

function sender(...args: Parameters<typeof createSender> | []): Sender {
  const made = createSender(...((args.length > 0 ? args : [loopback]) as Parameters<typeof createSender>))
  endings.unshift(() => made.close())
  return made
}
async function receiver(): Promise<Receiver> {
  const started = await startReceiver()
  endings.push(() => started.stop())
  return started
}
async function hostileReceiver(behaviour: Behaviour, onConnect?: Behaviour): Promise<Hostile> {
  const started = await startHostile(behaviour, onConnect)
  endings.push(() => started.stop())
  return started
}
const outgoing = (url: string, more: Partial<Outgoing> = {}): Outgoing => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{}'),
  timeoutMs: 20_000,
  ...more,
})
/** Short, as it has to run out; long enough for a machine that is busy with something else to get to the answer. */
const shortMs = 700

describe('send, to receivers that answer', () => {
  it.each([
    [200, 'succeeded'],
    [201, 'succeeded'],
    [204, 'succeeded'],
    [400, 'rejected'],
    [410, 'rejected'],
    [500, 'rejected'],
  ] as const)('makes of %i: %s, with status, headers and body', async (status, outcome) => {
    const inbox = await receiver()
    inbox.reply({ status, headers: { 'x-one': 'a', 'x-two': 'b' }, ...(status !== 204 && { body: `said ${status}` }) })

    const result = await sender().send(outgoing(inbox.url))

    expect(result).toMatchObject({
      outcome,
      statusCode: status,
      responseBody: status === 204 ? '' : `said ${status}`,
      responseTruncated: false,
    })
    expect(result.responseHeaders).toMatchObject({ 'x-one': 'a', 'x-two': 'b' })
    expect(result.error).toBeUndefined()
  })

  it('sends the bytes and headers that it was given', async () => {
    const inbox = await receiver()

    await sender().send(outgoing(inbox.url, { headers: { 'x-mine': 'yes' }, body: Buffer.from('{"ü": 9007199254740993}') }))

    const request = await inbox.request(1)
    expect(request.body).toBe('{"ü": 9007199254740993}')
    expect(request.headers).toMatchObject({ 'x-mine': 'yes', 'content-length': '24' })
  })

  it('hands on what the receiver asks for in Retry-After', async () => {
    const inbox = await receiver()
    inbox.reply({ status: 429, headers: { 'retry-after': '120' } })

    expect((await sender().send(outgoing(inbox.url))).retryAfter).toBe('120')
  })

  it.each([301, 302, 303, 307, 308])('takes %i for a refusal and does not go where it leads', async (status) => {
    const inbox = await receiver()
    const target = inbox.at('/target')
    const door = inbox.at('/door')
    door.reply({ status, headers: { location: target.url } })

    const result = await sender().send(outgoing(door.url))

    expect(result).toMatchObject({ outcome: 'rejected', statusCode: status })
    expect(target.requests).toEqual([])
  })
})

describe('send, to receivers that do not', () => {
  it.each(['silent', 'dripsHeaders', 'interimForEver'] as const)('gives one that %s up at the deadline', async (behaviour) => {
    const { url, idle } = await hostileReceiver(hostile[behaviour])

    const result = await sender().send(outgoing(url, { timeoutMs: shortMs }))

    expect(result).toMatchObject({ outcome: 'timed_out', error: `no answer within ${shortMs} ms` })
    expect(result.timings.endMs).toBeGreaterThanOrEqual(shortMs)
    expect(result.timings.endMs).toBeLessThan(shortMs + 3_000)
    await idle()
  })

  it('gives up one that takes connections and reads nothing', async () => {
    const { url } = await hostileReceiver(hostile.silent, (socket) => socket.pause())

    const result = await sender().send(outgoing(url, { timeoutMs: shortMs, body: Buffer.alloc(8 * 1_048_576) }))

    expect(result.outcome).toBe('timed_out')
  })

  it.each(['resets', 'closes', 'talksSsh', 'continueForEver', 'bloatsHeaders', 'contradictsItself'] as const)(
    'finds one that %s unreachable and says why',
    async (behaviour) => {
      const { url } = await hostileReceiver(hostile[behaviour])

      const result = await sender().send(outgoing(url))

      expect(result).toMatchObject({ outcome: 'unreachable', error: expect.stringMatching(/^[a-z]/) })
      expect(result.error).not.toContain('127.0.0.1')
    },
  )

  it('finds one that resets before any request unreachable', async () => {
    const { url } = await hostileReceiver(hostile.silent, hostile.resets)

    expect(await sender().send(outgoing(url))).toMatchObject({ outcome: 'unreachable' })
  })

  it('finds a port that nobody listens on unreachable', async () => {
    const gone = await startReceiver()
    await gone.stop()

    expect(await sender().send(outgoing(gone.url))).toMatchObject({ outcome: 'unreachable', error: 'connection refused' })
  })

  it.each([
    ['ENOTFOUND', 'host name not found'],
    ['EAI_AGAIN', 'host name could not be resolved for now'],
  ])('says so when a name does not resolve: %s', async (code, error) => {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error(`${code} at 10.0.0.53`), { code }), '', 0)

    const result = await sender(loopback, { lookup }).send(outgoing('http://nowhere.example/'))

    expect(result).toMatchObject({ outcome: 'unreachable', error })
  })

  it('gives up a name server that never answers at the deadline', async () => {
    const result = await sender(loopback, { lookup: () => {} }).send(outgoing('http://slow.example/', { timeoutMs: shortMs }))

    expect(result.outcome).toBe('timed_out')
    expect(result.timings.endMs).toBeLessThan(shortMs + 3_000)
  })

  it('makes no connection to an address that is not allowed', async () => {
    const inbox = await receiver()

    const result = await sender(createAddressPolicy({ allow: [] })).send(outgoing(inbox.url))

    expect(result).toMatchObject({ outcome: 'blocked', error: 'this address is not allowed as a destination' })
    expect(inbox.connections()).toBe(0)
  })

  it('says by throwing that it was told to stop: no outcome, nobody is to blame', async () => {
    const inbox = await receiver()
    inbox.reply('hang')
    const stopping = new AbortController()

    const result = sender().send(outgoing(inbox.url, { signal: stopping.signal }))
    await inbox.request(1)
    stopping.abort()

    await expect(result).rejects.toBeInstanceOf(SendAborted)
  })
})

describe('send, to receivers that answer badly', () => {
  it('is content with the headers of a 2xx when the body drips beyond the deadline', async () => {
    const { url, idle } = await hostileReceiver(hostile.dripsBody)

    const result = await sender().send(outgoing(url, { timeoutMs: shortMs }))

    expect(result).toMatchObject({
      outcome: 'succeeded',
      statusCode: 200,
      responseTruncated: true,
      responseBody: expect.stringMatching(/^a*$/),
    })
    expect(result.timings.endMs).toBeLessThan(shortMs + 3_000)
    await idle()
  })

  it('is content with the status of any other answer too', async () => {
    const { url } = await hostileReceiver(hostile.dripsErrorBody)

    expect(await sender().send(outgoing(url, { timeoutMs: shortMs }))).toMatchObject({
      outcome: 'rejected',
      statusCode: 500,
      responseTruncated: true,
    })
  })

  it.each([
    ['cutsBodyShort', 'succeeded', 200],
    ['cutsErrorBodyShort', 'rejected', 503],
  ] as const)('keeps what came of a body that is cut short: %s', async (behaviour, outcome, statusCode) => {
    const { url } = await hostileReceiver(hostile[behaviour])

    const result = await sender().send(outgoing(url))

    expect(result).toMatchObject({ outcome, statusCode, responseBody: 'only this', responseTruncated: true })
  })

  it('keeps 16 KiB of a body that never ends and drops the connection', async () => {
    const { url, idle } = await hostileReceiver(hostile.floods)

    const result = await sender().send(outgoing(url))

    expect(result).toMatchObject({ outcome: 'succeeded', responseTruncated: true })
    expect(result.responseBody).toBe('x'.repeat(responseBytes))
    await idle()
  })

  it('takes a body of exactly 16 KiB whole', async () => {
    const inbox = await receiver()
    inbox.reply({ status: 200, body: 'x'.repeat(responseBytes) })

    expect(await sender().send(outgoing(inbox.url))).toMatchObject({ responseTruncated: false, responseBody: 'x'.repeat(responseBytes) })
  })

  it('inflates nothing: of a gzip bomb it keeps the first 16 KiB as they are', async () => {
    const { url } = await hostileReceiver(hostile.sendsBomb)

    const result = await sender().send(outgoing(url))

    expect(result).toMatchObject({ outcome: 'succeeded', responseTruncated: true })
    expect(result.responseBody?.charCodeAt(0)).toBe(0x1f)
    expect(result.responseBody?.length).toBeLessThanOrEqual(responseBytes)
  })

  it('does not take the second answer of one request for the answer of the next', async () => {
    const { url } = await hostileReceiver(hostile.answersTwice)
    const { send } = sender()

    for (let n = 0; n < 5; n++) {
      expect(await send(outgoing(url))).toMatchObject({ outcome: 'succeeded', statusCode: 200, responseBody: 'own' })
    }
  })

  it('needs no more memory for 200 endless answers than for a few', async () => {
    const { url } = await hostileReceiver(hostile.floods)
    const { send } = sender(loopback, { connectionsPerOrigin: 10 })
    const flood = async (times: number) => void (await Promise.all(Array.from({ length: times }, () => send(outgoing(url)))))
    await flood(20)
    const before = process.memoryUsage().rss

    await flood(200)

    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1_048_576)
  })
})

describe('connections', () => {
  it('are kept and used again', async () => {
    const inbox = await receiver()
    const { send } = sender()

    for (let n = 0; n < 30; n++) await send(outgoing(inbox.url))

    expect(inbox.requests).toHaveLength(30)
    // two and not one: the next request may be there before the pool has seen the end of the last
    expect(inbox.connections()).toBeLessThanOrEqual(2)
  })

  it('are no more to one receiver than allowed, and all requests get their turn', async () => {
    const inbox = await receiver()
    const { send } = sender(loopback, { connectionsPerOrigin: 4 })

    const results = await Promise.all(Array.from({ length: 60 }, () => send(outgoing(inbox.url))))

    expect(results.every((result) => result.outcome === 'succeeded')).toBe(true)
    expect(inbox.connections()).toBeLessThanOrEqual(4)
  })

  it('are replaced after one has failed', async () => {
    const inbox = await receiver()
    inbox.reply(200, 'reset', 200)
    const { send } = sender()

    const outcomes = [await send(outgoing(inbox.url)), await send(outgoing(inbox.url)), await send(outgoing(inbox.url))].map(
      (result) => result.outcome,
    )

    expect(outcomes).toEqual(['succeeded', 'unreachable', 'succeeded'])
  })
})
