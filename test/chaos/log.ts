import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'

/** What Tidings itself says of an event that it accepted. */
export type LoggedEvent = { id: string; source: string; key: string; bodyHash: string; fannedOut: boolean }
/** And of a delivery, with its attempts counted. */
export type LoggedDelivery = {
  eventId: string
  webhookId: string
  state: string
  attempts: number
  succeeded: number
  interrupted: number
  unfinished: number
}
export type Log = { events: LoggedEvent[]; deliveries: LoggedDelivery[] }

export type LogReader = {
  /** Everything, as it stands. */
  read(): Log
  /** Events that are not fanned out yet and deliveries that have not ended; of those accepted before the time, where one is given. */
  open(acceptedBefore?: number): number
  integrity(): string
  close(): void
}

const deliveriesText = `
  SELECT d.event_id AS eventId, d.webhook_id AS webhookId, d.state AS state, count(a.id) AS attempts,
    sum(coalesce(a.outcome, '') = 'succeeded') AS succeeded, sum(coalesce(a.outcome, '') = 'interrupted') AS interrupted,
    sum(a.id IS NOT NULL AND a.outcome IS NULL) AS unfinished
  FROM deliveries d LEFT JOIN attempts a ON a.delivery_id = d.id GROUP BY d.id`

/** Reads the database beside Tidings, in plain SQL: what is checked must not do the checking. */
export function openLog(file: string): LogReader {
  const db = new Database(file, { readonly: true })
  db.pragma('busy_timeout = 5000')
  const events = db.prepare<[], { id: string; source: string; key: string; raw: Buffer; fannedOutAt: number | null }>(
    'SELECT id, source, dedup_key AS key, raw, fanned_out_at AS fannedOutAt FROM events',
  )
  const deliveries = db.prepare<[], LoggedDelivery>(deliveriesText)
  const open = db.prepare<[number, number], { open: number }>(`
    SELECT (SELECT count(*) FROM events WHERE fanned_out_at IS NULL AND received_at < ?)
      + (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'retrying') AND accepted_at < ?) AS open`)
  return {
    read: () => ({
      events: events.all().map(({ id, source, key, raw, fannedOutAt }) => ({
        id,
        source,
        key,
        bodyHash: createHash('sha256').update(raw).digest('hex'),
        fannedOut: fannedOutAt !== null,
      })),
      deliveries: deliveries.all(),
    }),
    open: (before = Number.MAX_SAFE_INTEGER) => open.get(before, before)?.open ?? 0,
    integrity: () => String(db.pragma('integrity_check', { simple: true })),
    close: () => void db.close(),
  }
}
