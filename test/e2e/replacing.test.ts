import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import type { Filter } from '../../shared/contracts/filter.ts'
import { fast } from '../support/builders.ts'
import { findDeployment, type DeploymentName } from '../support/deployments.ts'
import { eventually } from '../support/eventually.ts'
import type { ServiceProcess } from '../support/processes.ts'
import { keepPublishing } from '../support/publishing.ts'
import { hasRealPostgres, reason } from '../support/real-postgres.ts'
import type { Inbox } from '../support/receiver.ts'
import { showLogs, startSystem, type System } from '../support/system.ts'

const dispatchers = 4
const concurrency = 8
/** Long enough that a dispatcher has requests under way whenever it is struck. */
const answerMs = 60
/** Requests between one replacement and the next. */
const between = 15
/** Deliveries that may be open before the next event is published: a load that goes on, and no backlog. */
const mostOpen = 40
const patienceMs = 240_000

const open: Filter = { field: 'status', op: 'in', value: ['pending', 'retrying'] }

type Account = { accepted: number; again: number; codes: (number | null)[] }

/** One system with four dispatchers, each of which can be replaced while events come in. */
function useFour(deployment: DeploymentName) {
  let running: System
  let rounds = 0
  beforeAll(async () => {
    const { settings, ...found } = await findDeployment(deployment)
    const own = { CONCURRENCY: String(concurrency), LOCK_MS: '3000', STALLED_MS: '1000', LOG_LEVEL: 'error' }
    running = await startSystem({ ...found, dispatchers, settings: { ...own, ...settings } })
  }, patienceMs)
  afterAll(() => running?.stop(), patienceMs)

  async function anInbox(name: string): Promise<Inbox> {
    const inbox = running.receiver.at(`/${name}`)
    inbox.reply({ status: 200, afterMs: answerMs })
    const { id } = await running.api.createWebhook({ url: inbox.url, retry: fast(0.5, 1, 2, 4) })
    await running.api.subscribe(id, '*')
    return inbox
  }

  /** Ends each in turn and starts it again, under load. Nothing may be lost. @returns how many requests were made again */
  return async (end: (dispatcher: ServiceProcess) => Promise<number | null>): Promise<Account> => {
    onTestFailed(() => showLogs(running))
    const { api } = running
    const inbox = await anInbox(`round-${++rounds}`)
    const received = () => inbox.requests.length
    const more = async () => {
      const wanted = received() + between
      await eventually(() => expect(received()).toBeGreaterThanOrEqual(wanted), patienceMs)
    }
    let published = 0
    const load = keepPublishing({
      async publish(events) {
        await eventually(() => expect(published - received()).toBeLessThan(mostOpen), patienceMs)
        const ids = await api.publish(events)
        published += ids.length
        return ids
      },
    })
    const codes: (number | null)[] = []
    for (const dispatcher of running.dispatchers) {
      await more()
      codes.push(await end(dispatcher))
      await dispatcher.start()
    }
    await more()
    const accepted = await load.stop()

    await inbox.seen(accepted, patienceMs)
    await eventually(async () => expect(await api.count(open)).toBe(0), patienceMs)
    expect(await api.steer(200, 'GET', '/ledger')).toMatchObject({ unbalanced: 0 })
    return { accepted: accepted.length, again: received() - new Set(accepted).size, codes }
  }
}

const drained = (replaceEach: ReturnType<typeof useFour>) => async () => {
  const { again, codes } = await replaceEach((dispatcher) => dispatcher.stop())

  expect(codes).toEqual([0, 0, 0, 0])
  expect(again).toBe(0)
}

async function killed(dispatcher: ServiceProcess): Promise<null> {
  await dispatcher.kill()
  return null
}

describe('four dispatchers under load, replaced one at a time', () => {
  const replaceEach = useFour('small')

  it('lose nothing and make no request again when they are asked to end', drained(replaceEach), patienceMs)

  it(
    'lose nothing when they are killed, and make as many requests again as were under way, at most',
    async () => {
      const { again } = await replaceEach(killed)

      expect(again).toBeLessThanOrEqual(dispatchers * concurrency)
    },
    patienceMs,
  )
})

describe.skipIf(!hasRealPostgres)(`four dispatchers on Postgres and a cluster${reason}`, () => {
  it('lose nothing and make no request again when they are asked to end, one at a time', drained(useFour('scale')), patienceMs)
})
