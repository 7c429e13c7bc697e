import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { loadSchemes } from '../support/samples.ts'

/** The receivers that the README shows, as they are printed there, each in a process of its own. */
const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
const section = /^## Receive\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? ''
const [foundry = '', ptolemy = ''] = [...section.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code]) => code)
const schemes = await loadSchemes()
const secret = 'whsec_your_webhook_secret_here'

let redis: TestRedis
let folder: string
const children: ChildProcess[] = []
beforeAll(async () => {
  redis = await startTestRedis()
  // below the package, where `tidings/receiver` is its own name
  folder = await mkdtemp(fileURLToPath(new URL('../readme-', import.meta.url)))
})
afterAll(async () => {
  for (const child of children) child.kill()
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function start(name: string, code: string) {
  const [file, port] = [join(folder, `${name}.mjs`), await freePort()]
  await writeFile(file, code)
  const env = { ...process.env, PORT: String(port), REDIS_URL: redis.url.replace('unix://', ''), [`${name}_WEBHOOK_SECRET`]: secret }
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const url = `http://127.0.0.1:${port}/webhooks/${name.toLowerCase()}`
  await eventually(() => fetch(url)).catch(() => Promise.reject(new Error(`${name} did not start: ${output}`)))
  return {
    lines: () => output.split('\n').filter(Boolean),
    async post(body: string, now = Date.now(), key = secret) {
      const headers = schemes.get(name.toLowerCase()).sign({ id: '', now, body: Buffer.from(body), secrets: [key] })
      const response = await fetch(url, { method: 'POST', body, headers })
      return [response.status, await response.text()]
    },
  }
}

describe('the receivers of the README', () => {
  it('have ten lines each, and no more', () => {
    for (const code of [foundry, ptolemy]) expect(code.trim().split('\n').length).toSatisfy((lines: number) => lines > 1 && lines <= 10)
    expect(section.split('\n').length).toBeLessThanOrEqual(40)
  })

  it("do what Foundry's guide does", async () => {
    const { post, lines } = await start('FOUNDRY', foundry)
    const created = '{"id":"evt-1","type":"ontology.object.created","data":{"objectType":"Employee","primaryKey":"50030"}}'

    expect(await post(created)).toEqual([200, '{"received":true}'])
    expect(await post(created)).toEqual([200, '{"received":true}'])
    expect(await post(created.replace('evt-1', 'evt-2'), Date.now(), 'another')).toEqual([401, '{"error":"Invalid signature"}'])
    expect(await post(created.replace('evt-1', 'evt-2'), Date.now() - 302_000)).toEqual([401, '{"error":"Timestamp too old"}'])
    expect(await post('{"id":"evt-3","type":"schedule.started","data":{}}')).toEqual([200, '{"received":true}'])
    expect(lines()).toEqual(['ontology.object.created: Employee/50030'])
  })

  it("do what Ptolemy's guide does", async () => {
    const { post, lines } = await start('PTOLEMY', ptolemy)
    const event = (id: string, type: string) => JSON.stringify({ id, event_type: type, data: { identifier: 'bhp.ax' } })

    expect(await post(event('1', 'instrument.created'))).toEqual([200, '{"ok":true}'])
    expect(await post(event('1', 'instrument.created'))).toEqual([200, '{"ok":true}'])
    expect(await post(event('2', 'instrument.archived'))).toEqual([200, '{"ok":true}'])
    expect(await post(event('3', 'market.created'))).toEqual([200, '{"ok":true}'])
    expect(await post(event('4', 'instrument.created'), Date.now(), 'another')).toEqual([401, '{"detail":"Invalid signature"}'])
    expect(lines()).toEqual(['instrument.created: bhp.ax', 'archived: bhp.ax', 'passed over: market.created'])
  })
})
