import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../infra/demo/random.ts'
import { serve, type Serving } from '../../shared/http/serve.ts'
import { tricks } from '../fuzz/mutate-http.ts'
import type { Parts } from '../fuzz/request.ts'
import { createWire } from '../fuzz/wire.ts'

/** An app that takes everything, so that what is refused is refused at the door. */
let serving: Serving
let port: number
let reached: string[]

beforeAll(async () => {
  serving = await serve(
    async (request) => {
      reached.push(`${request.method} ${new URL(request.url).pathname}`)
      return new Response(await request.text(), { status: 202 })
    },
    { host: '127.0.0.1', port: 0 },
  )
  port = Number(new URL(serving.url).port)
})
afterAll(() => serving.stop())

const body = Buffer.from('{"type":"table.updated"}')
const parts: Parts = {
  method: 'POST',
  target: '/events?a=b',
  headers: [
    ['Host', 'tidings.example:8400'],
    ['Content-Type', 'application/json'],
    ['Content-Length', String(body.length)],
  ],
  body,
}
async function exchange(bytes: Buffer, patienceMs = 10_000) {
  reached = []
  const wire = createWire(port)
  const { replies, closed } = await wire.exchange(bytes, patienceMs)
  wire.drop()
  return { replies, closed, reached }
}

describe('the door', () => {
  const refused = tricks.filter(({ refuse, incomplete }) => refuse && !incomplete)

  it('has all that two programs could understand in two ways tried on it', () => {
    expect(refused.length).toBeGreaterThan(25)
  })

  it.each(refused.map((trick) => [trick.name, trick] as const))('refuses %s, lets nothing through and closes', async (_, trick) => {
    // each variant that chance picks among
    for (let seed = 0; seed < 12; seed++) {
      const { replies, closed, reached } = await exchange(trick.write(parts, createRandom(seed)))

      expect(replies.length).toBeLessThanOrEqual(1)
      for (const { status } of replies) expect(status).toBeGreaterThanOrEqual(400)
      expect(closed).toBe(true)
      // of a body that is badly framed only its head may have come so far
      if (!/chunk/.test(trick.name)) expect(reached).toEqual([])
    }
  })

  it.each(['well chunked', 'chunk extensions', 'empty lines first'])('takes what is unusual and right: %s', async (name) => {
    const trick = tricks.find((each) => each.name === name)
    const { replies } = await exchange(trick?.write(parts, createRandom(1)) as Buffer)

    expect(replies.map((reply) => [reply.status, reply.body.toString()])).toEqual([[202, body.toString()]])
  })

  it('takes a host in each of its forms', async () => {
    for (const host of ['localhost', 'a-b.example.com:8400', '127.0.0.1:1', '[::1]:8400', 'EXAMPLE.com', 'xn--bcher-kva.example']) {
      const headers = parts.headers.map(([name, value]): [string, string] => [name, name === 'Host' ? host : value])
      const text = `POST /events HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body.toString()}`
      expect((await exchange(Buffer.from(text))).replies[0]?.status, host).toBe(202)
    }
  })

  it('says in problem details what is wrong', async () => {
    const { replies } = await exchange(Buffer.from('GET /events%2f.. HTTP/1.1\r\nHost: a\r\n\r\n'))

    expect(replies[0]?.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(replies[0]?.body.toString() ?? '')).toMatchObject({ status: 400, type: '/problems/malformed' })
  })

  it('serves no connection for ever: after 1,000 requests it is closed', async () => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_001))
    let text = ''
    for await (const chunk of socket) text += chunk

    expect(text.match(/HTTP\/1.1 202/g)?.length).toBe(1_000)
    expect(text.match(/connection: close/gi)?.length).toBeGreaterThan(0)
  })
})
