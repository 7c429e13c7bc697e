import Database from 'better-sqlite3'
import { Redis } from 'ioredis'
import { redisOptions } from '../../../shared/redis.ts'
import { answer } from '../child.ts'
import { toldKey, type Told } from './tell.ts'

/** The least that keeps a log of what bare tells: a row of each attempt and of its delivery, an index over each, and no more. */
const [redisUrl = '', file = ''] = process.argv.slice(2)
const redis = new Redis(redisOptions(redisUrl))
const db = new Database(file)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.pragma('wal_autocheckpoint = 8000')
db.exec(`CREATE TABLE attempts (id TEXT PRIMARY KEY, webhook INTEGER NOT NULL, at INTEGER NOT NULL, told TEXT NOT NULL);
  CREATE INDEX attempts_webhook ON attempts (webhook, at);
  CREATE TABLE deliveries (id TEXT PRIMARY KEY, webhook INTEGER NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE INDEX deliveries_webhook ON deliveries (webhook, at)`)
const attempt = db.prepare('INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)')
const delivery = db.prepare('INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)')
const record = db.transaction((all: Told[]) => {
  for (const { id, webhook, at, ...more } of all) {
    attempt.run(id, webhook, at, JSON.stringify(more))
    delivery.run(id, webhook, 'succeeded', at)
  }
})

let recorded = 0
async function follow(): Promise<never> {
  await redis.xgroup('CREATE', toldKey, 'log', '0', 'MKSTREAM')
  for (;;) {
    const read = (await redis.xreadgroup('GROUP', 'log', 'me', 'COUNT', 200, 'BLOCK', 1_000, 'STREAMS', toldKey, '>')) as
      | [key: string, entries: [id: string, fields: [name: string, text: string]][]][]
      | null
    const entries = read?.[0]?.[1] ?? []
    if (entries.length === 0) continue
    const finished = entries.flatMap(([, [, text]]) => JSON.parse(text) as Told[]).filter(({ kind }) => kind === 'finished')
    record.immediate(finished)
    recorded += finished.length
    const ids = entries.map(([id]) => id)
    await Promise.all([redis.xack(toldKey, 'log', ...ids), redis.xdel(toldKey, ...ids)])
  }
}
void follow()
answer({ recorded: () => recorded })
