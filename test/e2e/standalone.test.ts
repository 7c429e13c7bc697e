import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../support/api.ts'
import { eventually } from '../support/eventually.ts'
import { samplesOf } from '../support/exposition.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { allGone, launch, type Launched } from '../support/standalone.ts'

let base: string
let receiver: Receiver
let number = 0
let running: Launched[] = []

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'tidings-standalone-'))
  receiver = await startReceiver()
})
afterEach(async () => {
  await Promise.all(running.map((one) => one.destroy()))
  running = []
})
afterAll(async () => {
  await receiver.stop()
  await rm(base, { recursive: true, force: true })
})

const freshFolder = () => join(base, `data-${++number}`)
const start = async (folder: string, settings?: Record<string, string>) => {
  const one = await launch(folder, settings)
  running.push(one)
  return one
}
const adminKey = async (folder: string) => (await readFile(join(folder, 'admin.key'), 'utf8')).trim()

describe('npm start', () => {
  it('serves all on one port, and delivers', async () => {
    const folder = freshFolder()
    const tidings = await start(folder)
    const api = createApi({ ingest: tidings, status: tidings }, await adminKey(folder))
    const inbox = receiver.at('/standalone')
    const webhook = await api.createWebhook({ url: inbox.url })
    await api.subscribe(webhook.id, '*')

    const [id] = await api.publish({ type: 'table.updated', data: {} })

    expect((await inbox.request(1)).id).toBe(id)
    await eventually(async () => expect((await api.deliveryOf(id as string, webhook.id)).status).toBe('succeeded'))
    const ready = await fetch(`${tidings.url}/readyz`)
    expect(await ready.json()).toMatchObject({ status: 'ok', dependencies: { 'dispatcher 1': 'ok', 'dispatcher 2': 'ok' } })
    const metrics = await (await fetch(`${tidings.url}/metrics`)).text()
    for (const process of ['gateway', 'dispatcher-1', 'dispatcher-2'])
      expect(metrics).toMatch(new RegExp(`^process_cpu_seconds_total\\{service="\\w+",process="${process}"\\} `, 'm'))
    const counted = samplesOf(metrics).filter(({ name }) => name === 'tidings_events_accepted_total' || name === 'tidings_attempts_total')
    expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(2)
    expect(new Set(metrics.match(/^# TYPE .*$/gm)).size).toBe(metrics.match(/^# TYPE .*$/gm)?.length)
    const headers = { authorization: `Bearer ${await adminKey(folder)}` }
    expect((await fetch(`${tidings.url}/docs`, { headers })).status).toBe(200)
  })

  it('shows the admin key once, and keeps it where only its owner can read it', async () => {
    const folder = freshFolder()
    const first = await start(folder)
    const key = await adminKey(folder)
    first.signal('SIGTERM')
    await first.ended
    const second = await start(folder)

    expect(first.output()).toContain(key)
    expect(second.output()).not.toContain(key)
    expect(second.output()).toContain(join(folder, 'admin.key'))
    for (const name of ['admin.key', 'master.key']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  })

  it('shows a link that signs a browser in, once', async () => {
    const tidings = await start(freshFolder())
    const link = /Console +(\S+)/.exec(tidings.output())?.[1] as string

    const first = await fetch(link, { redirect: 'manual' })
    const second = await fetch(link, { redirect: 'manual' })

    expect([first.status, second.status]).toEqual([303, 401])
    const cookie = (first.headers.get('set-cookie') as string).split(';')[0] as string
    const session = await fetch(`${tidings.url}/session`, { headers: { cookie } })
    expect(await session.json()).toMatchObject({ organization: 'default', key: { label: 'first admin key', scopes: ['admin'] } })
  })

  it('leaves nothing running when it is asked to end', async () => {
    const tidings = await start(freshFolder())
    const children = tidings.children()

    tidings.signal('SIGINT')

    expect(await tidings.ended).toBe(0)
    expect(children).toHaveLength(3)
    await allGone(children)
    expect(tidings.output()).toContain('Tidings has ended.')
  })

  it('goes on where it was killed', async () => {
    const folder = freshFolder()
    const killed = await start(folder)
    const children = killed.children()
    killed.signal('SIGKILL')
    await killed.ended

    const next = await start(folder)

    await allGone(children)
    expect((await fetch(`${next.url}/readyz`)).status).toBe(200)
  })

  it('starts a dispatcher again that died', async () => {
    const tidings = await start(freshFolder(), { DISPATCHERS: '1' })
    const before = tidings.children()
    for (const pid of before) process.kill(pid, 'SIGKILL')

    await allGone(before)
    await eventually(async () => expect((await fetch(`${tidings.url}/readyz`)).status).toBe(200))
    await eventually(() => expect(tidings.children()).toHaveLength(before.length))
    expect(tidings.output()).toMatch(/dispatcher 1 ended \(SIGKILL\); starting it again in/)
    expect(tidings.output()).toMatch(/Redis ended \(SIGKILL\); starting it again in/)
  })

  it('says what to do when the port is taken, and starts nothing', async () => {
    const first = await start(freshFolder())
    const { port } = new URL(first.url)
    const second = await start(freshFolder(), { PORT: port })

    expect(await second.ended).toBe(1)
    expect(second.output()).toContain(`port ${port} on 127.0.0.1 is taken. Stop what listens there, or take another: PORT=`)
  })

  it('does not share a data folder', async () => {
    const folder = freshFolder()
    await start(folder)
    const second = await start(folder)

    expect(await second.ended).toBe(1)
    expect(second.output()).toMatch(/process \d+ already runs Tidings on this data folder/)
  })

  it('does not make a new master key beside a database that was sealed with another one', async () => {
    const folder = freshFolder()
    const first = await start(folder)
    first.signal('SIGTERM')
    await first.ended
    await rm(join(folder, 'master.key'))
    const second = await start(folder)

    expect(await second.ended).toBe(1)
    expect(second.output()).toContain('the key of its secrets is not')
  })

  it('names every setting that cannot be used', async () => {
    const tidings = await start(freshFolder(), { PORT: 'eighty', DISPATCHERS: '0' })

    expect(await tidings.ended).toBe(1)
    expect(tidings.output()).toMatch(/PORT: .*\n +DISPATCHERS: /)
  })
})
