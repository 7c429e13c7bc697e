import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../infra/demo/random.ts'
import type { Door } from './doors.ts'

/** One request to ingest: its status, 0 where there was no answer. */
export type Asked = { at: number; ms: number; status: number }

/** What became of an event that was sent. `unknown`: a request was broken off, so it may or may not be there. */
export type Sent = { door: string; key: string; bodyHash: string; fate: 'ok' | 'refused' | 'unknown'; acceptedAt: number }

export type Client = {
  sent: Sent[]
  asked: Asked[]
  accepted(): number
  /** No new events; those under way are given up as they stand. Resolves once nothing is under way. */
  stop(): Promise<void>
}
export type ClientOptions = {
  /** Asked for each request: where there are several, they take turns. */
  origin: () => string
  doors: Door[]
  perSecond: number
  random: Random
  atOnce?: number
  padding?: number
  name?: string
  /** While it says so, nothing new is sent: a machine that is slow today is no fault of what is tested. */
  hold?: (accepted: number) => boolean
}

const answerWithinMs = 10_000
const againAfterMs = 200

/**
 * A catalog that does as the documentation says: without a 2xx it sends the same event again, under the same id and
 * signed anew. Sends at an even rate; what was held up is caught up with.
 */
export function startClient({
  origin,
  doors,
  perSecond,
  random,
  atOnce = 24,
  padding = 0,
  name = 'e',
  hold = () => false,
}: ClientOptions): Client {
  const sent: Sent[] = []
  const asked: Asked[] = []
  const startedAt = performance.now()
  let stopping = false
  let accepted = 0
  let next = 0

  async function ask(door: Door, key: string, body: string): Promise<number> {
    const [at, began] = [Date.now(), performance.now()]
    const status = await fetch(origin() + door.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...door.headers(key, body) },
      body,
      signal: AbortSignal.timeout(answerWithinMs),
    })
      .then(async (response) => {
        await response.arrayBuffer()
        return response.status
      })
      .catch(() => 0)
    asked.push({ at, ms: performance.now() - began, status })
    return status
  }

  async function send(n: number): Promise<void> {
    const door = random.pick(doors)
    const key = `${name}-${n}`
    const body = door.body(key, n, 'x'.repeat(padding))
    const one: Sent = { door: door.name, key, bodyHash: createHash('sha256').update(body).digest('hex'), fate: 'refused', acceptedAt: 0 }
    sent.push(one)
    while (one.fate !== 'ok') {
      const status = await ask(door, key, body)
      if (status >= 200 && status < 300) {
        Object.assign(one, { fate: 'ok', acceptedAt: Date.now() })
        accepted++
      } else {
        if (status === 0 || status === 500) one.fate = 'unknown'
        if (stopping) return
        await pause(againAfterMs)
      }
    }
  }

  async function sendOnes(): Promise<void> {
    while (!stopping) {
      const n = next++
      const dueMs = startedAt + (n * 1_000) / perSecond - performance.now()
      if (dueMs > 0) await pause(dueMs)
      while (!stopping && hold(accepted)) await pause(50)
      if (!stopping) await send(n)
    }
  }

  const ones = Promise.all(Array.from({ length: atOnce }, sendOnes))
  return {
    sent,
    asked,
    accepted: () => accepted,
    async stop() {
      stopping = true
      await ones
    },
  }
}
