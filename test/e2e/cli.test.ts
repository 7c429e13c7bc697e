import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCli, rowsOf, type Cli, type Running } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { launch, type Launched } from '../support/standalone.ts'

let folder: string
let tidings: Launched
let cli: Cli
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-cli-'))
  tidings = await launch(join(folder, 'data'), { DISPATCHERS: '1', STATUS_KEY_RATE_LIMIT: '2000', STATUS_ORGANIZATION_RATE_LIMIT: '2000' })
  cli = createCli({ TIDINGS_URL: tidings.url, DATA_DIR: join(folder, 'data') }, folder)
})
afterAll(async () => {
  await tidings.destroy()
  await rm(folder, { recursive: true, force: true })
})

/** A receiver of the command line, with a webhook of its own. */
async function listen(...args: string[]): Promise<Running & { webhook: string }> {
  const running = cli.start(['listen', '--json', ...args])
  const [, webhook = ''] = await running.said(/Webhook (\S+) delivers/)
  await running.said(/Listening/)
  return { ...running, webhook }
}
const json = async (...args: string[]) => rowsOf((await cli.run(['--json', ...args])).out)

describe('tidings', () => {
  it('says what it can do, and ends with what came of it', async () => {
    const [help, unknown, refused, away, misused] = await Promise.all([
      cli.run(['--help']),
      cli.run(['bogus']),
      cli.run(['--key', 'tdk_wrong', 'webhooks', 'list']),
      cli.run(['--url', 'http://127.0.0.1:9', 'webhooks', 'list']),
      cli.run(['webhooks', 'delete', 'x', '--url', 'ftp://x']),
    ])

    expect(help).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes: 0 done') as string })
    expect(unknown).toMatchObject({ code: 2, out: '', err: expect.stringContaining("unknown command 'bogus'") as string })
    expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/^tidings: .*\nThe key was that of --key/) as string })
    expect(away).toMatchObject({ code: 3, err: expect.stringContaining('cannot reach Tidings at') as string })
    expect(misused).toMatchObject({ code: 2, err: expect.stringContaining('--url ftp://x') as string })
    for (const { err, out } of [help, unknown, refused, away, misused]) {
      expect(err + out).not.toMatch(/\n {4}at /)
      expect(err + out).not.toContain('\u001b')
    }
  })

  it('sends an event, follows it to its end, and receives it verified', async () => {
    const receiver = await listen('--register', 'sent.*')
    const sent = await cli.run(['send', '--type', 'sent.one', '--entity', 'a.b', '--data', '{"n": 12345678901234567890}', '--follow'])
    const unwanted = await cli.run(['--json', 'send', '-', '--follow'], { input: '{"type":"nobody.asked"}\n{"type":"nobody.cares"}' })

    expect(sent.code).toBe(0)
    expect(sent.out).toMatch(/event +sent\.one .*to 1 webhook[\s\S]*succeeded +sent\.one/)
    expect([
      unwanted.code,
      rowsOf(unwanted.out)
        .slice(2)
        .map(({ matched }) => matched),
    ]).toEqual([0, [0, 0]])
    receiver.signal('SIGINT')
    const { code, out, err } = await receiver.ended
    const [id] = sent.out.split('\n')
    expect([code, rowsOf(out)]).toMatchObject([0, [{ id, type: 'sent.one', verified: true, again: false, answered: 200 }]])
    expect(err).toContain(`Webhook ${receiver.webhook} is removed.`)
    expect(await cli.run(['webhooks', 'get', receiver.webhook])).toMatchObject({ code: 1 })
  })

  it('fails on purpose, and tells of a delivery that has failed', async () => {
    const receiver = await listen('--register', 'fails.*', '--status', '410')
    const sent = await cli.run(['send', '--type', 'fails.always', '--follow'])
    receiver.signal('SIGTERM')

    expect(sent.code).toBe(1)
    expect(sent.out).toMatch(/cancelled +fails\.always|failed +fails\.always/)
    expect(rowsOf((await receiver.ended).out)).toMatchObject([{ answered: 410, verified: true }])
  })

  it('says what to do where Tidings does not deliver', async () => {
    const { code, err } = await cli.run(['listen', '--register', '*', '--public-url', 'http://10.0.0.1/'])
    expect(code).toBe(1)
    expect(err).toContain('ALLOWED_ADDRESSES=127.0.0.0/8')
  })

  it('registers a webhook by hand, changes, tests and removes it', async () => {
    const receiver = cli.start(['listen', '--json'])
    const [, url = ''] = await receiver.said(/Listening at (\S+),/)
    const [made] = await json(
      'webhooks',
      'create',
      url,
      '--label',
      'by-hand',
      '--subscribe',
      'hand.*',
      '--set',
      'rate_limit=50',
      '--header',
      'x-a: b',
    )
    expect(made).toMatchObject({
      label: 'by-hand',
      rate_limit: 50,
      headers: { 'x-a': '[hidden]' },
      secret: expect.stringMatching(/^whsec_/) as string,
    })
    expect(await json('webhooks', 'list')).toContainEqual(expect.objectContaining({ id: made?.id, label: 'by-hand' }))
    expect(await json('webhooks', 'subscriptions', 'by-hand')).toMatchObject([{ event_type: 'hand.*' }])
    expect(await json('webhooks', 'update', 'by-hand', '--inactive')).toMatchObject([{ active: false }])
    expect((await cli.run(['webhooks', 'test', 'by-hand'])).code).toBe(1)
    expect(await json('webhooks', 'update', 'by-hand', '--active')).toMatchObject([{ active: true }])
    expect(await json('webhooks', 'test', 'by-hand')).toMatchObject([{ status: 'succeeded', event_type: 'webhook.test' }])
    expect((await json('webhooks', 'rotate-secret', 'by-hand', '--overlap', '60'))[0]?.secret).not.toBe(made?.secret)
    expect(await cli.run(['webhooks', 'delete', 'by-hand'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') as string })
    expect(await json('webhooks', 'delete', 'by-hand', '--yes')).toEqual([{ id: made?.id, removed: true }])
    receiver.signal('SIGINT')
    await receiver.ended
  })
})

describe('tidings tail', () => {
  it('shows each delivery as it is made and as it ends, none left out and none twice', async () => {
    const receiver = await listen('--register', 'tailed.*')
    const tail = cli.start(['tail', '--json', '--last', '0', '--type', 'tailed.*'])
    const failures = cli.start(['tail', '--json', '--last', '0', '--status', 'failed,cancelled', '--webhook', receiver.webhook])
    const events = cli.start(['tail', '--json', '--last', '0', '--events', '--type', 'tailed.*'])
    const marker = async () => void (await cli.run(['send', '--type', 'tailed.marker']))
    // a row that each of them shows says that it follows
    await eventually(async () => {
      await marker()
      expect(tail.out()).toContain('tailed.marker')
      expect(events.out()).toContain('tailed.marker')
    }, 60_000)
    const lines = Array.from({ length: 300 }, (_, n) => `{"id":"tail-${n}","type":"tailed.n${n}"}`).join('\n')
    const ids = (await cli.run(['send', '-'], { input: lines })).out.split('\n').filter(Boolean)
    await eventually(() => {
      const ended = new Set(rowsOf(tail.out()).flatMap(({ status, event_id }) => (status === 'succeeded' ? [event_id] : [])))
      expect(ids.filter((id) => !ended.has(id))).toEqual([])
      const seen = new Set(rowsOf(events.out()).map(({ id }) => id))
      expect(ids.filter((id) => !seen.has(id))).toEqual([])
    }, 60_000)

    for (const one of [tail, events, failures, receiver]) one.signal('SIGINT')
    const [tailed, evented, failed] = await Promise.all([tail.ended, events.ended, failures.ended])
    expect([tailed.code, evented.code, failed.code]).toEqual([0, 0, 0])
    const standings = rowsOf(tailed.out).map(({ id, status, generation, attempts }) => [id, status, generation, attempts].join())
    expect(standings).toEqual([...new Set(standings)])
    const eventIds = rowsOf(evented.out).map(({ id }) => id)
    expect(eventIds).toEqual([...new Set(eventIds)])
    expect(failed.out).toBe('')
    await receiver.ended
  })

  it('shows what there is, oldest first, and ends well when nobody reads on', async () => {
    const past = await json('tail', '--no-follow', '--last', '5')
    expect(past).toHaveLength(5)
    expect(past.map(({ updated_at }) => updated_at)).toEqual(past.map(({ updated_at }) => updated_at).sort())
    expect((await json('tail', '--no-follow', '--since', '1h', '--type', 'tailed.*')).length).toBeGreaterThanOrEqual(300)

    const closed = cli.start(['tail', '--last', '3'])
    await closed.said(/succeeded/)
    closed.closePipe()
    await cli.run(['send', '--type', 'tailed.after'])
    const receiver = await listen('--register', 'closing.*')
    await cli.run(['send', '--type', 'closing.one', '--follow'])
    receiver.signal('SIGINT')
    await receiver.ended
    expect((await closed.ended).code).toBe(0)
  })
})

describe('tidings redeliver and replay', () => {
  it('send again what matches, once it is confirmed', async () => {
    const receiver = await listen('--register', 'again.*')
    for (const n of [1, 2, 3]) await cli.run(['send', '--type', `again.n${n}`, '--follow'])
    const which = ['--webhook', receiver.webhook, '--status', 'succeeded']
    expect(await cli.run(['redeliver', ...which])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Send 3 deliveries again') as string,
    })

    expect(await json('redeliver', ...which, '--yes')).toMatchObject([{ status: 'finished', matched: 3, redelivered: 3 }])
    const [delivery] = await json('tail', '--no-follow', '--last', '1', '--type', 'again.n1')
    const tail = cli.start(['tail', '--webhook', receiver.webhook])
    await tail.said(/again\.n1/)
    await eventually(() => expect(rowsOf(receiver.out()).filter(({ again }) => again)).toHaveLength(3))
    await eventually(async () => expect(await json('redeliver', delivery?.id as string)).toMatchObject([{ generation: 2 }]))
    await tail.said(/succeeded +again\.n1 .*attempt 3/)
    tail.signal('SIGINT')
    expect((await tail.ended).code).toBe(0)
    expect((await json('redeliver', 'list'))[0]).toMatchObject({ status: 'finished' })
    expect((await cli.run(['redeliver'])).code).toBe(2)
    receiver.signal('SIGINT')
    await receiver.ended
  })

  it('bring old events to a webhook that never got them', async () => {
    for (const n of [1, 2]) await cli.run(['send', '--type', `replayed.n${n}`, '--follow'])
    const receiver = await listen('--register', 'replayed.*')
    const [replay] = await json('replay', receiver.webhook, '--since', '1h', '--yes')

    expect(replay).toMatchObject({ status: 'finished', webhook_id: receiver.webhook, deliveries: 2 })
    await eventually(() => expect(rowsOf(receiver.out()).map(({ type, verified }) => [type, verified])).toHaveLength(2))
    expect((await json('replay', receiver.webhook, '--since', '1h', '--yes'))[0]).toMatchObject({ deliveries: 0 })
    expect((await json('replay', 'list'))[1]).toMatchObject({ id: replay?.id })
    receiver.signal('SIGINT')
    await receiver.ended
    expect(rowsOf((await cli.run(['doctor', '--json'])).out).find(({ check }) => check === 'ledger')).toMatchObject({ state: 'ok' })
  })

  it('stop at Ctrl-C where nobody can be asked', async () => {
    const receiver = await listen('--register', 'slow.*')
    const lines = Array.from({ length: 450 }, (_, n) => `{"type":"slow.n${n}"}`).join('\n')
    await cli.run(['send', '-', '--follow'], { input: lines })
    const running = cli.start(['redeliver', '--webhook', receiver.webhook, '--yes', '--json'])
    await running.said(/sent again/)
    running.signal('SIGINT')

    const { code, out } = await running.ended
    expect([code, rowsOf(out)]).toMatchObject([1, [{ status: 'stopped', matched: 450 }]])
    receiver.signal('SIGINT')
    await receiver.ended
  })
})

describe('tidings doctor and config check', () => {
  it('find nothing wrong with what runs, and say what is', async () => {
    const well = await cli.run(['doctor', '--json'])
    expect(rowsOf(well.out).filter(({ state }) => state === 'wrong')).toEqual([])
    expect(well.code).toBe(0)
    const checks = rowsOf(well.out).map(({ check }) => check)
    expect(checks).toEqual(
      expect.arrayContaining([
        'node',
        'sqlite',
        'disk',
        'redis',
        'redis memory',
        'redis aof',
        'clock',
        'database',
        'master key',
        'secrets',
        'address',
        'ready',
        'dispatchers',
        'ledger',
      ]),
    )

    const ill = await cli.run(['doctor'], {
      env: { REDIS_URL: 'redis://:hidden@127.0.0.1:9', DATABASE_URL: 'sqlite:/', MASTER_KEY: 'short' },
    })
    expect(ill.code).toBe(1)
    for (const check of ['redis', 'database', 'master key']) expect(ill.out).toMatch(new RegExp(`✗ ${check} .*Mend: `))
    expect(ill.out).not.toMatch(/:hidden@|short\b(?!ly)/)
  })

  it('judge an environment without showing it', async () => {
    await writeFile(join(folder, 'wrong.env'), 'PORT=eighty\nREDIS_ULR=redis://:pass@x\n')
    const { code, out } = await cli.run(['config', 'check', '--env-file', 'wrong.env'])
    expect(code).toBe(1)
    expect(out).toMatch(/PORT: must be a number\. Port to listen on/)
    expect(out).toMatch(/REDIS_ULR: nothing reads it; is REDIS_URL meant\?/)
    expect(out).not.toMatch(/eighty|pass/)
    expect((await cli.run(['config', 'check'])).code).toBe(0)
  })
})
