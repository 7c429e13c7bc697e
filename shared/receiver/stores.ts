import type { SeenStore } from './idempotent.ts'

/** For one process, and for as long as it lives. */
export function memoryStore(): SeenStore {
  const entries = new Map<string, { owner: string | null; until: number }>()
  let sweepAt = 1024
  const sweep = (now: number) => {
    if (entries.size < sweepAt) return
    for (const [id, { until }] of entries) if (until <= now) entries.delete(id)
    // in proportion to what is left, so that a sweep costs little for each id that came in since the last one
    sweepAt = Math.max(1024, entries.size * 2)
  }
  return {
    async claim(id, owner, seconds) {
      const now = Date.now()
      const found = entries.get(id)
      if (found && found.until > now) return found.owner === null ? 'done' : 'running'
      sweep(now)
      entries.set(id, { owner, until: now + seconds * 1000 })
      return 'claimed'
    },
    async finish(id, seconds) {
      entries.set(id, { owner: null, until: Date.now() + seconds * 1000 })
    },
    async release(id, owner) {
      if (entries.get(id)?.owner === owner) entries.delete(id)
    },
  }
}

/** What is needed of a database of better-sqlite3; opened by the caller. */
export type SqliteDatabase = {
  exec(sql: string): unknown
  prepare(sql: string): { run(...values: unknown[]): { changes: number }; get(...values: unknown[]): unknown }
}

/** In a table of its own, `received_events`, which is made when it is not there; for all processes that share the file. */
export function sqliteStore(db: SqliteDatabase): SeenStore {
  db.exec(`CREATE TABLE IF NOT EXISTS received_events (id TEXT PRIMARY KEY, owner TEXT, until INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS received_events_until ON received_events (until)`)
  const forget = db.prepare('DELETE FROM received_events WHERE until <= ?')
  const claim = db.prepare('INSERT INTO received_events (id, owner, until) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING')
  const find = db.prepare('SELECT owner FROM received_events WHERE id = ?')
  const finish = db.prepare('INSERT OR REPLACE INTO received_events (id, owner, until) VALUES (?, NULL, ?)')
  const release = db.prepare('DELETE FROM received_events WHERE id = ? AND owner = ?')
  return {
    async claim(id, owner, seconds) {
      const now = Date.now()
      forget.run(now)
      if (claim.run(id, owner, now + seconds * 1000).changes === 1) return 'claimed'
      // gone since: another process has just given it back, and the next attempt gets it
      const found = find.get(id) as { owner: string | null } | undefined
      return found?.owner === null ? 'done' : 'running'
    },
    async finish(id, seconds) {
      finish.run(id, Date.now() + seconds * 1000)
    },
    async release(id, owner) {
      release.run(id, owner)
    },
  }
}

/** What is needed of a client of ioredis; connected by the caller. */
export type RedisClient = { call(command: string, ...values: (string | number)[]): Promise<unknown> }

// one step, because between a GET and a DEL the claim could run out and become another's
const releaseScript = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

/** `SET NX EX` on `{prefix}{id}`; the value is `processed` once it has been. */
export function redisStore(redis: RedisClient, { prefix = 'received:' }: { prefix?: string } = {}): SeenStore {
  return {
    async claim(id, owner, seconds) {
      if ((await redis.call('SET', prefix + id, owner, 'NX', 'EX', seconds)) === 'OK') return 'claimed'
      return (await redis.call('GET', prefix + id)) === 'processed' ? 'done' : 'running'
    },
    async finish(id, seconds) {
      await redis.call('SET', prefix + id, 'processed', 'EX', seconds)
    },
    async release(id, owner) {
      await redis.call('EVAL', releaseScript, 1, prefix + id, owner)
    },
  }
}
