import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../infra/redis/ask.ts'
import { findRedis, type FoundRedis } from '../../infra/redis/find.ts'
import { FolderTakenError } from '../../infra/redis/record.ts'
import { identify } from '../../infra/process-identity.ts'
import { createPrograms, redisServer, startLauncher, type Programs } from '../support/programs.ts'
import { realRedis } from '../support/redis.ts'

let programs: Programs
let number = 0
let said: string[] = []
let found: FoundRedis[] = []

beforeAll(async () => {
  programs = await createPrograms()
})
afterEach(async () => {
  await Promise.all(found.map((redis) => redis.stop()))
  found = []
  said = []
})
afterAll(() => programs.remove())

const freshFolder = () => programs.folder(`data-${++number}`)
const find = async (env: Record<string, string | undefined>, folder = freshFolder()) => {
  const redis = await findRedis({ env, folder, say: (line) => said.push(line) })
  found.push(redis)
  return redis
}
const socketOf = (redis: FoundRedis) => redis.url.slice('unix://'.length)
const processOf = async (folder: string) => JSON.parse(await readFile(join(folder, 'process.json'), 'utf8')).child.pid as number

describe('the order in which Redis is found', () => {
  it('takes the one that REDIS_URL names, and starts none', async () => {
    const PATH = await programs.path({ 'redis-server': redisServer('7.2.4') })
    const redis = await find({ PATH, REDIS_URL: 'redis://queue.internal:6379' })

    expect(redis).toMatchObject({ kind: 'given', url: 'redis://queue.internal:6379', why: 'REDIS_URL names it' })
  })

  it('takes redis-server from PATH, as a private child on a unix socket', async () => {
    const PATH = await programs.path({ 'redis-server': redisServer('7.2.4') })
    const redis = await find({ PATH })

    expect(redis).toMatchObject({ kind: 'system', why: `redis-server 7.2.4 of this machine (${PATH}/redis-server)` })
    expect(await ask(socketOf(redis), ['PING'])).toBe('PONG')
  })

  it('takes valkey-server too', async () => {
    const PATH = await programs.path({ 'valkey-server': redisServer('8.0.1').replace('Redis server', 'Valkey server') })

    expect((await find({ PATH })).why).toBe(`valkey-server 8.0.1 of this machine (${PATH}/valkey-server)`)
  })

  it('prefers the program that REDIS_SERVER_BIN names', async () => {
    const PATH = await programs.path({ 'redis-server': redisServer('7.2.4') })
    const other = await programs.path({ 'redis-server': redisServer('6.2.0') })
    const redis = await find({ PATH, REDIS_SERVER_BIN: `${other}/redis-server` })

    expect(redis.why).toContain('redis-server 6.2.0')
  })

  it('passes over a server that is too old, and says so', async () => {
    const PATH = await programs.path({ 'redis-server': redisServer('6.0.16') })
    const redis = await find({ PATH })

    expect(redis.kind).toBe('bundled')
    expect(redis.why).toContain(`${PATH}/redis-server is version 6.0.16, at least 6.2 is needed`)
  })

  it('passes over a server that does not start, with its last words', async () => {
    const broken = redisServer('7.2.4').replace(/else \{[^]*/, "else { console.error('out of luck'); process.exit(3) }")
    const PATH = await programs.path({ 'redis-server': broken })
    const redis = await find({ PATH })

    expect(redis.kind).toBe('bundled')
    expect(redis.why).toContain('redis-server 7.2.4 ended (3) before it answered: out of luck')
  })

  it("unpacks Debian's package where nothing is installed and apt works", async (context) => {
    const PATH = await programs.pathWithout(['redis-server', 'valkey-server'])
    const folder = freshFolder()
    const redis = await find({ PATH }, folder)
    if (redis.kind !== 'debian') context.skip(redis.why)

    expect(redis.why).toMatch(/^redis-server \d+\.\d+\.\d+ of Debian, unpacked into the data folder, because neither/)
    expect(await ask(socketOf(redis), ['PING'])).toBe('PONG')
    expect(await readdir(join(folder, 'debian'))).toEqual(['root'])
  })

  it('remembers for a day that apt did not work', async () => {
    const calls = programs.folder('calls')
    const PATH = await programs.path({
      'apt-get': `#!/bin/sh\necho call >> ${calls}\necho 'E: no network' >&2\nexit 100\n`,
      dpkg: '#!/bin/sh\n',
    })
    const folder = freshFolder()
    const first = await find({ PATH }, folder)
    await first.stop()
    const callsOfFirst = await readFile(calls, 'utf8')
    const second = await find({ PATH }, folder)

    expect(first.why).toContain("Debian's package could not be unpacked (E: no network)")
    expect(second.why).toContain("Debian's package could not be unpacked (E: no network), tried at ")
    expect(await readFile(calls, 'utf8')).toBe(callsOfFirst)
  })

  it('ends with the bundled server, which needs nothing', async () => {
    const redis = await find({ PATH: '' })

    expect(redis.kind).toBe('bundled')
    expect(redis.why).toBe(
      'the bundled JavaScript Redis: its queue is in memory, events stay safe in the database, because ' +
        "neither redis-server nor valkey-server is on PATH and Debian's package cannot be unpacked without apt-get and dpkg",
    )
    expect(await ask(socketOf(redis), ['PING'])).toBe('PONG')
  })
})

describe('a private Redis', () => {
  const environment = async () => ({ PATH: await programs.path({ 'redis-server': redisServer('7.2.4') }) })

  it('is started again when it dies', async () => {
    const folder = freshFolder()
    const redis = await find(await environment(), folder)
    const first = await processOf(folder)

    process.kill(first, 'SIGKILL')

    await expect.poll(() => processOf(folder), { timeout: 10_000 }).not.toBe(first)
    await expect.poll(() => ask(socketOf(redis), ['PING']).catch(String)).toBe('PONG')
    expect(said).toEqual(['Redis ended (SIGKILL); starting it again in 100 ms'])
  })

  it('leaves no process and no socket when it is stopped', async () => {
    const folder = freshFolder()
    const redis = await find(await environment(), folder)
    const pid = await processOf(folder)

    await redis.stop()

    expect(identify(pid)).toBeUndefined()
    expect(await readdir(folder)).toEqual(['queue'])
  })

  it('is ended at the next start when its launcher was killed', async () => {
    const folder = freshFolder()
    const env = await environment()
    const launcher = await startLauncher(folder, env)
    const left = await processOf(folder)
    await launcher.kill()

    await find(env, folder)

    expect(identify(left)).toBeUndefined()
    expect(said).toEqual([`ended the Redis that a killed launcher had left behind (process ${left})`])
  })

  it('is not ended while its launcher lives', async () => {
    const folder = freshFolder()
    const env = await environment()
    const launcher = await startLauncher(folder, env)

    const second = find(env, folder)

    await expect(second).rejects.toThrow(FolderTakenError)
    await expect(second).rejects.toThrow(`process ${launcher.pid} already runs Tidings`)
    await launcher.kill()
    await find(env, folder)
  })

  it('does not end a stranger that was given the number of a dead child', async () => {
    const folder = freshFolder()
    const env = await environment()
    await (await find(env, folder)).stop()
    const gone = { pid: 1, identity: 'another life' }
    const stranger = { pid: process.pid, identity: 'another life' }
    await writeFile(join(folder, 'process.json'), JSON.stringify({ launcher: gone, child: stranger, socket: join(folder, 'redis.sock') }))

    await find(env, folder)

    expect(said).toEqual([])
  })

  it('has its socket elsewhere when the path of its folder is too long for one', async () => {
    const redis = await find(await environment(), join(freshFolder(), 'x'.repeat(120)))

    expect(socketOf(redis).length).toBeLessThan(104)
    expect(await ask(socketOf(redis), ['PING'])).toBe('PONG')
  })

  it('starts empty, and keeps the old files, when these cannot be read', async (context) => {
    const real = await realRedis()
    if ('reason' in real) return context.skip(real.reason)
    const folder = freshFolder()
    const env = { ...real.program.env, REDIS_SERVER_BIN: real.program.command }
    const before = await find(env, folder)
    for (const n of Array.from({ length: 50 }, (_, index) => index)) await ask(socketOf(before), ['SET', `key-${n}`, 'x'.repeat(100)])
    await before.stop()
    await damage(join(folder, 'queue', 'appendonlydir'))

    const after = await find(env, folder)

    expect(after.kind).toBe('system')
    expect(await ask(socketOf(after), ['DBSIZE'])).toBe('0')
    expect(said[0]).toContain("the queue's files could not be read and lie in ")
    expect((await readdir(folder)).filter((name) => name.startsWith('queue.unreadable-'))).toHaveLength(1)
  })
})

/** In its middle, which Redis rightly refuses; a log that is only cut short it mends by itself. */
async function damage(folder: string): Promise<void> {
  const name = (await readdir(folder)).find((file) => file.endsWith('.incr.aof')) as string
  const text = await readFile(join(folder, name))
  text.fill('#', 500, 700)
  await writeFile(join(folder, name), text)
}
