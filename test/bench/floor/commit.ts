import Database from 'better-sqlite3'
import { parentPort, workerData } from 'node:worker_threads'

/** The thread of `accept`: what has come is one commit, on disk when it is answered. */
export type Accepted = { id: string; webhook: number; body: string }

const db = new Database(workerData as string)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec(`CREATE TABLE events (id TEXT PRIMARY KEY, body TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE deliveries (id TEXT PRIMARY KEY, event TEXT NOT NULL, webhook INTEGER NOT NULL, at INTEGER NOT NULL)`)
const event = db.prepare('INSERT INTO events VALUES (?, ?, ?)')
const delivery = db.prepare('INSERT INTO deliveries VALUES (?, ?, ?, ?)')
const commit = db.transaction((all: Accepted[]) => {
  const now = Date.now()
  for (const { id, webhook, body } of all) {
    event.run(id, body, now)
    delivery.run(`${id}-${webhook}`, id, webhook, now)
  }
})

parentPort?.on('message', (all: Accepted[]) => {
  commit.immediate(all)
  parentPort?.postMessage(all.length)
})
