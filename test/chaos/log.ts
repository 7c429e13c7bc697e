import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import pg from 'pg'

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
  read(): Promise<Log>
  /** Events that are not fanned out yet and deliveries that have not ended; of those accepted before the time, where one is given. */
  open(acceptedBefore?: number): Promise<number>
  close(): Promise<void>
}

type Connection = {
  query<Row>(text: string): Promise<Row[]>
  /** What makes an event the same when it is sent again: where it stands is all that differs. */
  keys: string
  close(): Promise<void>
}
type EventRow = { id: string; source: string; key: string; raw: Uint8Array; fannedOut: unknown }

const eventsText = (keys: string) => `
  SELECT e.id, e.source, k.dedup_key AS key, e.raw, e.fanned_out_at IS NOT NULL AS "fannedOut"
  FROM events e LEFT JOIN (${keys}) k ON k.event_id = e.id`
const deliveriesText = `
  SELECT d.event_id AS "eventId", d.webhook_id AS "webhookId", d.state, count(a.id) AS attempts,
    count(*) FILTER (WHERE a.outcome = 'succeeded') AS succeeded, count(*) FILTER (WHERE a.outcome = 'interrupted') AS interrupted,
    count(*) FILTER (WHERE a.id IS NOT NULL AND a.outcome IS NULL) AS unfinished
  FROM deliveries d LEFT JOIN attempts a ON a.delivery_id = d.id GROUP BY d.id, d.event_id, d.webhook_id, d.state`
const openText = (before: number) => `
  SELECT (SELECT count(*) FROM events WHERE fanned_out_at IS NULL AND received_at < ${before})
    + (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'retrying') AND accepted_at < ${before}) AS open`

/** Reads the database beside Tidings, in SQL that both engines know: what is checked must not do the checking. */
export async function openLog(databaseUrl: string): Promise<LogReader> {
  const { query, keys, close } = databaseUrl.startsWith('sqlite:')
    ? openFile(databaseUrl.slice('sqlite:'.length))
    : await connect(databaseUrl)
  return {
    async read() {
      const events = await query<EventRow>(eventsText(keys))
      return {
        events: events.map(({ raw, fannedOut, ...event }) => ({
          ...event,
          bodyHash: createHash('sha256').update(raw).digest('hex'),
          fannedOut: Boolean(fannedOut),
        })),
        deliveries: await query<LoggedDelivery>(deliveriesText),
      }
    },
    open: async (before = Number.MAX_SAFE_INTEGER) => (await query<{ open: number }>(openText(before)))[0]?.open ?? 0,
    close,
  }
}

function openFile(file: string): Connection {
  const db = new Database(file, { readonly: true })
  db.pragma('busy_timeout = 5000')
  return {
    query: async <Row>(text: string) => db.prepare<[], Row>(text).all(),
    keys: 'SELECT id AS event_id, dedup_key FROM events',
    close: async () => void db.close(),
  }
}

async function connect(url: string): Promise<Connection> {
  const types = new pg.TypeOverrides()
  // counts come as text, since they might be larger than a number
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const client = new pg.Client({ connectionString: url, types })
  await client.connect()
  return {
    query: async <Row>(text: string) => (await client.query(text)).rows as Row[],
    keys: 'SELECT event_id, dedup_key FROM event_keys',
    close: () => client.end(),
  }
}
