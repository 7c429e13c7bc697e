import { connect, requestBytes, type Connection } from '../bench/http.ts'

export type Asking = { url: string; key: string; perSecond: number; seconds: number }
export type Asked = { status: number; ms: number }

/** A server closes a connection after a thousand requests; enough of them that none gets there, and none waits for another. */
const connectionsFor = ({ perSecond, seconds }: Asking) => Math.ceil((perSecond * seconds) / 900) + 32

/**
 * Posts events at a steady rate, whatever the answers do, and notes how each was answered and after how long. The least
 * of a client: one with more to it would take a core from those whom it is to disturb.
 */
export async function ask(asking: Asking): Promise<Asked[]> {
  const { url, key, perSecond, seconds } = asking
  const request = requestBytes(
    `${url}/events`,
    { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    JSON.stringify({ type: 'flood.changed', data: {} }),
  )
  const connections = await Promise.all(Array.from({ length: connectionsFor(asking) }, () => connect(url)))
  const free = [...connections]
  const waiting: ((connection: Connection) => void)[] = []
  const take = () => new Promise<Connection>((resolve) => (free.length > 0 ? resolve(free.shift() as Connection) : waiting.push(resolve)))
  const give = (connection: Connection) => (waiting.shift() ?? ((one: Connection) => free.push(one)))(connection)

  async function askOnce(): Promise<Asked> {
    const from = performance.now()
    const connection = await take()
    const { status } = await connection.post(request)
    give(connection)
    return { status, ms: performance.now() - from }
  }

  const answers: Promise<Asked>[] = []
  const startedAt = performance.now()
  while (answers.length < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, ((performance.now() - startedAt) / 1_000) * perSecond)
    while (answers.length < due) answers.push(askOnce())
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  try {
    return await Promise.all(answers)
  } finally {
    for (const connection of connections) connection.close()
  }
}
