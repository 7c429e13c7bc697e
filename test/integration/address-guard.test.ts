import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { lookup as systemLookup } from 'node:dns'
import { createServer, type LookupFunction, type Server, type Socket } from 'node:net'
import { Agent, request, type Dispatcher } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAddressPolicy, refusal, type AddressPolicy } from '../../shared/http/address-policy.ts'
import { BlockedAddressError, createGuardedConnector } from '../../shared/http/address-guard.ts'
import { hostileUrls, spellings4 } from '../support/hostile-urls.ts'

/** A listener on loopback that counts who reaches it, and whatever sockets are made at all. */
let canary: Server
let port: number
let connections: number
const open = new Set<Socket>()
const agents: Agent[] = []
const closed = createAddressPolicy({ allow: [] })
const loopback = createAddressPolicy({ allow: ['127.0.0.0/8', '::1/128'] })

beforeAll(async () => {
  canary = createServer((socket) => {
    connections++
    open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)))
    socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n'))
  })
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve))
  port = (canary.address() as { port: number }).port
})
beforeEach(() => {
  connections = 0
})
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.destroy()))
})
afterAll(async () => {
  for (const socket of open) socket.destroy()
  await new Promise((resolve) => canary.close(resolve))
})

function agentFor(policy: AddressPolicy, lookup: LookupFunction = systemLookup): Agent {
  const agent = new Agent({ connect: createGuardedConnector(policy, { connectTimeoutMs: 1000, lookup }) })
  agents.push(agent)
  return agent
}
const statusOf = async (url: string, dispatcher: Dispatcher) => {
  const answer = await request(url, { dispatcher })
  await answer.body.dump()
  return answer.statusCode
}
const errorOf = (url: string, dispatcher: Dispatcher): Promise<Error & { code?: string }> =>
  statusOf(url, dispatcher).then(
    (status) => {
      throw new Error(`${url} was reached: ${status}`)
    },
    (error) => error,
  )
const blocked = { name: 'BlockedAddressError', code: 'TIDINGS_BLOCKED', message: refusal }

/** Answers with the given addresses, one list per call, the last one for ever; in either form that Node asks for. */
function resolver(...answers: string[][]): LookupFunction & { calls: number } {
  const lookup = ((_name, options, callback) => {
    const addresses = (answers[Math.min(lookup.calls++, answers.length - 1)] as string[]).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }))
    setImmediate(() => (options.all ? callback(null, addresses) : callback(null, addresses[0]?.address ?? '', addresses[0]?.family)))
  }) as LookupFunction & { calls: number }
  lookup.calls = 0
  return lookup
}

describe('literal addresses', () => {
  it('are never connected to, however they are spelled', async () => {
    let sockets = 0
    const count = () => void sockets++
    // names would all resolve to the canary: what holds is the guard and not the resolver
    const agent = agentFor(closed, resolver(['127.0.0.1']))
    const urls = hostileUrls(port).filter(
      (url) => URL.canParse(url) && /^https?:/.test(new URL(url).protocol) && new URL(url).hostname !== 'example.com',
    )
    expect(urls.length).toBeGreaterThan(600)
    const literal = urls.filter((url) => /^(\[.*\]|[\d.]+)$/.test(new URL(url).hostname.replace(/\.+$/, '')))
    expect(literal.length).toBeGreaterThan(500)

    subscribe('net.client.socket', count)
    for (const url of literal) expect(await errorOf(url, agent), url).toMatchObject(blocked)
    unsubscribe('net.client.socket', count)
    expect(sockets).toBe(0)
    for (const url of urls) expect(await errorOf(url, agent), url).toMatchObject(blocked)
    expect(connections).toBe(0)
  })

  it('would have been reached without the guard, so the canary does sing', async () => {
    let sockets = 0
    const count = () => void sockets++
    const unguarded = new Agent()
    agents.push(unguarded)
    const urls = spellings4('127.0.0.1')
      .map((host) => `http://${host}:${port}/`)
      .filter((url) => URL.canParse(url) && new URL(url).hostname === '127.0.0.1')
    expect(urls.length).toBeGreaterThan(15)
    subscribe('net.client.socket', count)
    for (const url of urls) expect(await statusOf(url, unguarded), url).toBe(204)
    unsubscribe('net.client.socket', count)
    expect([connections, sockets]).toEqual([urls.length, urls.length])
  })

  it('are connected to where the operator allows it, and only there', async () => {
    const agent = agentFor(loopback)
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1']) expect(await statusOf(`http://${host}:${port}/`, agent)).toBe(204)
    expect(await errorOf(`http://0.0.0.0:${port}/`, agent)).toMatchObject(blocked)
    expect(connections).toBe(3)
  })
})

describe('names', () => {
  const url = () => `http://hooks.example.com:${port}/`

  it('are refused when any address they resolve to is denied', async () => {
    for (const answer of [
      ['127.0.0.1'],
      ['::1'],
      ['10.0.0.1'],
      ['8.8.8.8', '127.0.0.1'],
      ['127.0.0.1', '8.8.8.8'],
      ['2606:4700::1111', '8.8.8.8', '::ffff:127.0.0.1'],
      ['fe80::1%lo'],
      ['nonsense'],
      [],
    ])
      expect(await errorOf(url(), agentFor(closed, resolver(answer))), answer.join()).toMatchObject(blocked)
    const many = Array.from({ length: 1000 }, (_, i) => (i === 999 ? '169.254.169.254' : `8.8.${i >> 8}.${i & 255}`))
    expect(await errorOf(url(), agentFor(closed, resolver(many)))).toMatchObject(blocked)
    expect(connections).toBe(0)
  })

  it('are refused in TLS before a byte is said', async () => {
    expect(await errorOf(`https://hooks.example.com:${port}/`, agentFor(closed, resolver(['127.0.0.1'])))).toMatchObject(blocked)
    expect(connections).toBe(0)
  })

  it('are connected to at the very address that was checked', async () => {
    const lookup = resolver(['127.0.0.1'])
    expect(await statusOf(url(), agentFor(loopback, lookup))).toBe(204)
    expect(lookup.calls).toBe(1)
    expect(await statusOf(`http://localhost:${port}/`, agentFor(loopback))).toBe(204)
    expect(connections).toBe(2)
  })

  it('cannot be rebound: each new connection is checked again', async () => {
    const only = createAddressPolicy({ allow: ['127.0.0.1'] })
    const lookup = resolver(...Array.from({ length: 100 }, (_, i) => [i % 2 === 0 ? '127.0.0.1' : '127.0.0.2']))
    const agent = agentFor(only, lookup)
    for (let i = 0; i < 100; i++) {
      if (i % 2 === 0) expect(await statusOf(url(), agent)).toBe(204)
      else expect(await errorOf(url(), agent)).toMatchObject(blocked)
    }
    expect(lookup.calls).toBe(100)
    expect(connections).toBe(50)
  })

  it('are asked for in either form, one address or all', async () => {
    const single: LookupFunction = (_name, _options, callback) => setImmediate(() => callback(null, '127.0.0.1', 4))
    const connector = createGuardedConnector(closed, {
      connectTimeoutMs: 1000,
      lookup: (name, options, callback) =>
        single(name, options, (error, address, family) =>
          callback(error, options.all ? [{ address: address as string, family: family as number }] : address, family),
        ),
    })
    const error = await new Promise((resolve) =>
      connector({ hostname: 'a.example.com', protocol: 'http:', port: String(port) }, (...[failure]) => resolve(failure)),
    )
    expect(error).toBeInstanceOf(BlockedAddressError)
    expect(connections).toBe(0)
  })

  it('pass on what the resolver says when it fails', async () => {
    const failing: LookupFunction = (_name, _options, callback) =>
      setImmediate(() => callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '', 0))
    expect(await errorOf(url(), agentFor(closed, failing))).toMatchObject({ code: 'ENOTFOUND' })
  })

  it('are given up on when the resolver does not answer in time', async () => {
    const silent: LookupFunction = () => {}
    const started = performance.now()
    expect(await errorOf(url(), agentFor(closed, silent))).toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' })
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

describe('ports', () => {
  it('that are not allowed are not connected to, whatever address a name turns out to have', async () => {
    let sockets = 0
    const count = () => void sockets++
    subscribe('net.client.socket', count)
    // a public address at a port of nobody's webhooks; the operator has allowed another network
    const agent = agentFor(createAddressPolicy({ allow: ['10.0.0.0/8'] }), resolver(['8.8.8.8']))
    expect(await errorOf('http://mail.example.com:25/', agent)).toMatchObject(blocked)
    expect(await errorOf('http://8.8.8.8:6379/', agent)).toMatchObject(blocked)
    unsubscribe('net.client.socket', count)
    // the socket is made before the name is looked up, and is never connected
    expect(sockets).toBeLessThanOrEqual(1)
    expect(connections).toBe(0)
  })
})

describe('slow name servers', () => {
  it('are given up on after 5 seconds, however patient the attempt is', async () => {
    const agent = new Agent({ connect: createGuardedConnector(closed, { connectTimeoutMs: 30_000, lookup: () => {} }) })
    agents.push(agent)
    const started = performance.now()
    expect(await errorOf('http://slow.example.com/', agent)).toMatchObject({ code: 'EAI_AGAIN' })
    expect(performance.now() - started).toBeGreaterThan(4_900)
    expect(performance.now() - started).toBeLessThan(9_000)
  })

  it('that answer after all change nothing any more', async () => {
    let answer: () => void = () => {}
    const late: LookupFunction = (_name, _options, callback) => {
      answer = () => callback(null, [{ address: '127.0.0.1', family: 4 }])
    }
    const agent = new Agent({ connect: createGuardedConnector(loopback, { connectTimeoutMs: 30_000, lookup: late, lookupTimeoutMs: 100 }) })
    agents.push(agent)
    expect(await errorOf(`http://late.example.com:${port}/`, agent)).toMatchObject({ code: 'EAI_AGAIN' })
    answer()
    await new Promise((resolve) => setImmediate(resolve))
    expect(connections).toBe(0)
  })
})

describe('the other end of the socket', () => {
  it('is looked at before the socket is used', async () => {
    // a policy that changes its mind stands for a way around the first two checks
    let looks = 0
    const late: AddressPolicy = { ...closed, allowsAddress: () => ++looks < 2 }
    expect(await errorOf(`http://127.0.0.1:${port}/`, agentFor(late))).toMatchObject(blocked)
    expect(looks).toBe(2)
    expect(connections).toBe(1)
    await expect.poll(() => open.size).toBe(0)
  })
})
