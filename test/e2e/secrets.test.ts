import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../support/api.ts'
import { fast } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { launch, type Launched } from '../support/standalone.ts'

let base: string
let receiver: Receiver
let tidings: Launched | undefined
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'tidings-secrets-'))
  receiver = await startReceiver()
})
afterAll(async () => {
  await tidings?.destroy()
  await receiver.stop()
  await rm(base, { recursive: true, force: true })
})

/** Everything that was written: database, write-ahead log, what Redis keeps. */
async function filesBelow(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await readdir(folder, { recursive: true })) {
    const file = join(folder, name)
    if ((await stat(file)).isFile()) found.set(name, (await readFile(file)).toString('latin1'))
  }
  return found
}

/** As it is, and as it may have been written into something else. */
const formsOf = (secret: string) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -2),
  Buffer.from(secret).toString('hex'),
]

describe('a secret', () => {
  it('is found in no file, no log, no job and no answer after a day with failures and rotations', async () => {
    const folder = join(base, 'data')
    tidings = await launch(folder, { LOG_LEVEL: 'debug' })
    const admin = (await readFile(join(folder, 'admin.key'), 'utf8')).trim()
    const api = createApi({ ingest: tidings, status: tidings }, admin)
    const own = {
      webhook: 'a-signing-secret-of-a-webhook',
      header: 'Bearer-value-of-a-custom-header',
      source: 'a-secret-that-a-source-signs-with',
    }
    const answers: string[] = []
    const look = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`${(tidings as Launched).url}${path}`, {
        method,
        headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      answers.push(await response.text())
      return response
    }

    const [good, bad] = [receiver.at('/good'), receiver.at('/bad')]
    bad.reply({ status: 500, body: 'broken' })
    const webhook = await api.createWebhook({
      url: good.url,
      label: 'a label that is found',
      secret: own.webhook,
      headers: { 'x-private': own.header },
    })
    const failing = await api.createWebhook({ url: bad.url, retry: fast(0.1), headers: { 'x-private': own.header } })
    const rotated = await api.rotateSecret(webhook.id, 3_600)
    for (const { id } of [webhook, failing]) await api.subscribe(id, '*')
    await api.steer(201, 'POST', '/sources', { name: 'signing', adapter: 'cloudevents', scheme: 'ptolemy', secret: own.source })
    const key = await api.steer<{ id: string; key: string }>(201, 'POST', '/keys', { label: 'short', scopes: ['read'] })
    const next = await api.steer<{ key: string }>(200, 'POST', `/keys/${key.id}/rotate`)
    const signIn = await fetch(`${tidings.url}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: next.key }),
    })
    const session = /tds_[\w-]+/.exec(signIn.headers.get('set-cookie') as string)?.[0] as string
    const link = /tdl_[\w-]+/.exec(tidings.output())?.[0] as string

    const ids = await api.publish(Array.from({ length: 20 }, (_, n) => ({ id: `n${n}`, type: 'table.updated', data: { n } })))
    await good.request(20)
    const rejected = { field: 'last_outcome', op: 'eq' as const, value: 'rejected' }
    await eventually(async () => expect(await api.count(rejected)).toBeGreaterThan(0))
    const page = await api.steer<{ data: { id: string }[] }>(200, 'POST', '/webhook-deliveries/filter', { filter: rejected })
    const delivery = page.data[0]?.id
    await look('POST', '/sources/signing/events', '{"specversion":"1.0"}')
    await look('POST', '/webhooks', `{"url": "${own.header}", "secret": "${'x'.repeat(3)}"}`)
    for (const path of [
      '/webhooks',
      `/webhooks/${webhook.id}`,
      `/webhook-deliveries/${delivery}`,
      '/sources',
      '/keys',
      '/audit?limit=200',
      '/api/v1/webhooks',
      `/events/${ids[0]}`,
    ])
      expect((await look('GET', path)).status, path).toBe(200)
    tidings.signal('SIGTERM')
    expect(await tidings.ended).toBe(0)

    const files = await filesBelow(folder)
    for (const name of ['admin.key', 'master.key']) files.delete(name)
    // the banner shows the first key and the link, to the terminal and to nobody else
    const logs = tidings.output().replaceAll(admin, '').replace(link, '')
    const places = new Map([...files, ['the log', logs], ['the answers', answers.join('\n').replaceAll(`url: ${own.header}`, '')]])
    const secrets = { ...own, rotated: rotated.secret, made: failing.secret, admin, key: key.key, next: next.key, session, link }

    expect(logs.length).toBeGreaterThan(1_000)
    const found = [...places].flatMap(([name, text]) => (text.includes('a label that is found') ? [name] : []))
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(/^tidings\.db/), 'the answers']))
    expect([...files.keys()].some((name) => name.startsWith('redis'))).toBe(true)
    const leaks = Object.entries(secrets).flatMap(([what, secret]) =>
      formsOf(secret).flatMap((form) => [...places].filter(([, text]) => text.includes(form)).map(([place]) => `${what} in ${place}`)),
    )
    expect(leaks).toEqual([])
  })
})
