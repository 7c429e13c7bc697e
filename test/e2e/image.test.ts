import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../support/api.ts'
import { arrival, eventually } from '../support/eventually.ts'
import { contain, giveAway, layOut, type Contained } from '../support/image.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { realRedis, startTestRedis, type TestRedis } from '../support/redis.ts'

let base: string
let receiver: Receiver
let redis: TestRedis
const running: Contained[] = []

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'tidings-image-'))
  await chmod(base, 0o755)
  await layOut(join(base, 'app'))
  receiver = await startReceiver()
  redis = await startTestRedis()
  const socket = redis.url.replace('unix://', '')
  await giveAway(dirname(socket))
  await giveAway(socket)
})
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.signal('SIGKILL')
    await one.ended
  }
})
afterAll(async () => {
  await receiver?.stop()
  await redis?.stop()
  await rm(base, { recursive: true, force: true })
})

async function dataFolder(name: string): Promise<string> {
  const folder = join(base, name)
  await mkdir(folder)
  await giveAway(folder)
  return folder
}

const freePort = () =>
  new Promise<string>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(String(port)))
    })
  })

async function start(command: string, env: Record<string, string>, says: RegExp): Promise<Contained & { url: string }> {
  const port = await freePort()
  const one = contain(join(base, 'app'), command, { PORT: port, ALLOWED_ADDRESSES: '127.0.0.0/8', ...env })
  running.push(one)
  const ended = one.ended.then((how) => {
    throw new Error(`${command} ended with ${how}:\n${one.output()}`)
  })
  ended.catch(() => {})
  await Promise.race([arrival(`a word of ${command}`, () => says.exec(one.output()) ?? undefined, 60_000), ended])
  return { ...one, url: `http://127.0.0.1:${port}` }
}

async function delivers(tidings: Parameters<typeof createApi>[0], key: string, path: string): Promise<void> {
  const api = createApi(tidings, key)
  const inbox = receiver.at(path)
  const webhook = await api.createWebhook({ url: inbox.url })
  await api.subscribe(webhook.id, '*')
  const [id] = await api.publish({ type: 'table.updated', data: {} })
  expect((await inbox.request(1)).id).toBe(id)
  await eventually(async () => expect((await api.deliveryOf(id as string, webhook.id)).status).toBe('succeeded'))
}

describe('the image, laid out as its Dockerfile says, as a user who may write its data alone', () => {
  it('delivers with ingest, dispatcher and status, which say that they are well, and end when they are told to', async () => {
    const data = await dataFolder('split')
    const env = { REDIS_URL: redis.url, DATABASE_URL: `sqlite:${data}/tidings.db`, MASTER_KEY: randomBytes(32).toString('base64') }
    const [status, ingest, dispatcher] = await Promise.all([
      start('status', env, /status is ready/),
      start('ingest', env, /ingest is ready/),
      start('dispatcher', env, /dispatcher is ready/),
    ])
    const [, key = ''] = /admin key, shown this once: (\S+)/.exec(status.output()) ?? []

    await delivers({ ingest, status }, key, '/split')

    const three = [ingest, dispatcher, status]
    expect(await Promise.all(three.map((one) => one.health()))).toEqual([0, 0, 0])
    expect(await Promise.all(three.map(async ({ url }) => (await fetch(`${url}/readyz`)).status))).toEqual([200, 200, 200])
    for (const one of three) one.signal('SIGTERM')
    expect(await Promise.all(three.map((one) => one.ended)), three.map((one) => one.output()).join('\n')).toEqual([0, 0, 0])
    expect(await ingest.health()).toBe(1)
  })

  it('delivers with all in one', async () => {
    const data = await dataFolder('one')
    const real = await realRedis()
    const own =
      'program' in real ? { REDIS_SERVER_BIN: real.program.command, ...(real.program.env as Record<string, string>) } : { PATH: '' }
    const { HOST: _host, PORT: _port, ...found } = own as Record<string, string>
    const one = await start('up', { ...found, DATA_DIR: data, DISPATCHERS: '1' }, /Data {2,}.*\n/)

    await delivers({ ingest: one, status: one }, (await readFile(join(data, 'admin.key'), 'utf8')).trim(), '/one')

    expect(await one.health()).toBe(0)
    one.signal('SIGTERM')
    expect(await one.ended).toBe(0)
  })

  it('says what it can be asked for', async () => {
    const one = contain(join(base, 'app'), 'sleep', {})
    expect([await one.ended, one.output()]).toEqual([1, expect.stringMatching(/no command "sleep".*ingest, dispatcher, status/)])
  })

  it('ends at once while it is not ready', async () => {
    const one = contain(join(base, 'app'), 'ingest', {
      REDIS_URL: 'redis://127.0.0.1:9',
      DATABASE_URL: `sqlite:${await dataFolder('waiting')}/tidings.db`,
      MASTER_KEY: randomBytes(32).toString('base64'),
    })
    running.push(one)
    await arrival('a word on Redis', () => /Redis is away/.exec(one.output()) ?? undefined, 60_000)
    one.signal('SIGTERM')
    expect(await one.ended).toBe(143)
  })
})
