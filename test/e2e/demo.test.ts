import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '../../infra/demo/report.ts'
import { arrival } from '../support/eventually.ts'
import { debianCache } from '../support/redis.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const script = join(root, 'infra/demo.mjs')

let folder: string
let child: ChildProcess | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-test-'))
  await mkdir(join(folder, 'tmp'))
  // the Redis that other tests have unpacked
  await mkdir(debianCache, { recursive: true })
  await mkdir(join(folder, 'data/redis'), { recursive: true })
  await symlink(debianCache, join(folder, 'data/redis/debian'))
})

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await rm(folder, { recursive: true, force: true })
})

function start(...args: string[]) {
  const env = { ...process.env, TMPDIR: join(folder, 'tmp'), DATA_DIR: join(folder, 'data') }
  const demo = spawn(process.execPath, [script, ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  child = demo
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) demo[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text))
  return { demo, said, ended: once(demo, 'close').then(([code]) => code as number | null) }
}

const addressIn = (text: string) => /Tidings runs on (http:\S+?),/.exec(text)?.[1] as string
const isGone = async (url: string) => expect(fetch(`${url}/healthz`)).rejects.toThrow()

describe('npm run demo', () => {
  it('plays a day, accounts for all of it, and leaves nothing behind', async () => {
    const { said, ended } = start('--events', '80', '--json')

    expect(await ended, said.stderr).toBe(0)

    const report = JSON.parse(said.stdout) as Report
    expect(report.ok).toBe(true)
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([])
    expect(Object.keys(report.told)).toEqual(expect.arrayContaining(['tidings', 'cloudevents', 'standard-webhooks']))
    const { total, webhooks } = report
    expect(total.accepted).toBeGreaterThanOrEqual(80)
    expect(total.delivered).toBe(total.matched)
    expect(total.matched).toBe(webhooks.reduce((sum, { matched }) => sum + matched, 0))
    expect(total.retried).toBeGreaterThan(0)
    expect(total.failed).toBeGreaterThan(0)
    expect(total.redelivered).toBe(total.failed)
    expect(total.first_attempt.p99_ms).toBeGreaterThan(0)
    expect(webhooks.find(({ label }) => label === 'search index')).toMatchObject({ matched: total.accepted, retried: 0, failed: 0 })
    expect(await readdir(join(folder, 'tmp'))).toEqual([])
    await isGone(addressIn(said.stderr))
  })

  it('ends at Ctrl-C in the middle of the day and leaves nothing behind', async () => {
    const { demo, said, ended } = start('--events', '500')
    await arrival('the first news of the day', () => (/the day.*delivered [1-9]/.test(said.stdout) ? true : undefined), 60_000)

    demo.kill('SIGINT')

    expect(await ended, said.stderr).toBe(130)
    expect(await readdir(join(folder, 'tmp'))).toEqual([])
    await isGone(addressIn(said.stderr))
  })

  it('says what is wrong with its options, and with a Tidings that is not there', async () => {
    const wrong = start('--events', 'many')
    expect(await wrong.ended).toBe(1)
    expect(wrong.said.stderr).toContain('--events many: must be a whole number')

    const nobody = start('--url', 'http://127.0.0.1:1', '--key', 'x')
    expect(await nobody.ended).toBe(1)
    expect(nobody.said.stderr).toContain('http://127.0.0.1:1 does not answer')
  })
})
