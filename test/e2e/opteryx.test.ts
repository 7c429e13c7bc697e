import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { arrival, eventually } from '../support/eventually.ts'
import { startSystem, type System } from '../support/system.ts'

/**
 * Opteryx Catalog on both sides of Tidings, with its own two variables and nothing else. The receiver needs a certificate,
 * since Opteryx always speaks https: where `openssl` is missing nothing can make one, and that half is passed over.
 */
const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }) !== ''
  } catch {
    return false
  }
})()

type Request = { path: string; headers: Record<string, unknown>; body: string }

describe.skipIf(!hasOpenssl)('OPTERYX_WEBHOOK_DOMAIN of Tidings (needs openssl, for a certificate)', () => {
  const requests: Request[] = []
  const answers: number[] = []
  let folder: string
  let server: Server
  let domain: string
  let certificate: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-opteryx-'))
    certificate = join(folder, 'cert.pem')
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const named = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync('openssl', [...made, ...named, '-keyout', join(folder, 'key.pem'), '-out', certificate], { stdio: 'ignore' })
    const tls = { key: await readFile(join(folder, 'key.pem')), cert: await readFile(certificate) }
    server = createServer(tls, (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() })
        response.writeHead(answers.shift() ?? 200, { 'content-type': 'application/json' }).end('{"status": "ok"}')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    domain = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true })
  })

  async function withSender(settings: Record<string, string>, body: (system: System) => Promise<void>): Promise<void> {
    requests.length = answers.length = 0
    const system = await startSystem({
      settings: { NODE_EXTRA_CA_CERTS: certificate, OPTERYX_WEBHOOK_DOMAIN: domain, ...settings },
    })
    try {
      await body(system)
    } finally {
      await system.stop()
    }
  }

  const created = (name: string) =>
    `{"event": {"action": "create", "workspace": "w", "collection": "c", "resource_type": "dataset", "resource_name": "${name}", "timestamp": 1704556800000}, "data": {"location": "gs://bucket/\\u00fc", "properties": {}}}`

  /** As the catalog itself reports: to a path with its token, or any other event by who has a key. */
  async function report({ api, ingest }: System, name: string): Promise<void> {
    await api.steer(201, 'POST', '/sources', { name: `catalog-${name}`, adapter: 'opteryx' })
    const { key } = await api.steer<{ key: string }>(201, 'POST', '/keys', { label: name, scopes: ['ingest'] })
    const answer = await fetch(`${ingest.url}/in/${key}/event`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'opteryx-catalog-webhook/1.0' },
      body: created(name),
    })
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }])
  }

  const deliveries = async ({ api }: System) =>
    (await api.steer<{ data: { status: string; attempts: number }[] }>(200, 'POST', '/webhook-deliveries/filter', {})).data

  it('in direct mode sends what Opteryx reported on, byte for byte and unsigned; what fails is logged and not tried again', async () => {
    await withSender({}, async (system) => {
      await report(system, 'orders')
      const first = await arrival('the request', () => requests[0])
      expect(first).toMatchObject({ path: '/event', body: created('orders') })
      expect(first.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': expect.stringMatching(/./) })
      expect(Object.keys(first.headers).filter((name) => /sign|webhook|authorization/.test(name))).toEqual([])
      await system.api.publish({ type: 'table.updated', data: {} })

      answers.push(500)
      await report(system, 'refunds')
      await eventually(async () => expect((await deliveries(system)).map(({ status }) => status).sort()).toEqual(['failed', 'succeeded']))
      expect((await deliveries(system)).map(({ attempts }) => attempts)).toEqual([1, 1])
      expect(requests).toHaveLength(2)
    })
  })

  it('with a queue tries again until it is taken', async () => {
    await withSender({ OPTERYX_WEBHOOK_QUEUE: 'projects/p/locations/l/queues/webhooks' }, async (system) => {
      const [webhook] = (await system.api.steer<{ data: { id: string; mode: string }[] }>(200, 'GET', '/webhooks')).data
      expect(webhook?.mode).toBe('queued')
      await system.api.patchWebhook(webhook?.id ?? '', { retry: { base_seconds: 0.05 } })
      answers.push(503, 500)
      await report(system, 'orders')
      await eventually(async () => expect(await deliveries(system)).toMatchObject([{ status: 'succeeded', attempts: 3 }]))
      expect(requests.map(({ body }) => body)).toEqual(Array(3).fill(created('orders')))
    })
  })
})
