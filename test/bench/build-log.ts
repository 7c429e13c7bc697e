import { statSync } from 'node:fs'
import { migrate, openDatabase } from '../../shared/storage/sqlite/database.ts'

export type BuiltLog = { webhookIds: string[]; from: number; to: number; bytes: number }

const webhooks = 50
const fanOut = 10
/** One delivery in five has a second attempt; one in fifty has failed for good. */
const attemptsOf = 1.2
const spanMs = 30 * 86_400_000

/**
 * A month's log of an installation, in its present tables: written by SQLite itself, indexes afterwards, without waiting
 * for the disk, since nobody minds losing it.
 */
export async function buildLog(file: string, attempts: number): Promise<BuiltLog> {
  const db = openDatabase(file, { readOnly: false })
  migrate(db)
  const { $client: client } = db
  // out of WAL first: from there it is not taken, and all would be written twice
  client.pragma('journal_mode = DELETE')
  client.pragma('journal_mode = OFF')
  client.pragma('synchronous = OFF')
  client.pragma('cache_size = -400000')
  const to = Date.now()
  const from = to - spanMs
  const deliveries = Math.round(attempts / attemptsOf / fanOut) * fanOut
  const given = { from, step: spanMs / deliveries, deliveries, events: deliveries / fanOut, webhooks, fanOut }
  const indexes = client
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('events', 'deliveries', 'attempts')",
    )
    .all()
  for (const { name } of indexes) client.exec(`DROP INDEX "${name}"`)
  client.exec('BEGIN')
  for (const statement of [insertWebhooks, insertEvents, insertDeliveries, insertAttempts])
    client.prepare(statement).run(pick(given, statement))
  for (const { sql } of indexes) client.exec(sql)
  client.exec('COMMIT')
  client.exec('ANALYZE')
  client.pragma('journal_mode = WAL')
  client.close()
  return { webhookIds: Array.from({ length: webhooks }, (_, n) => webhookId(n)), from, to, bytes: statSync(file).size }
}

const pick = (given: Record<string, number>, statement: string) =>
  Object.fromEntries(Object.entries(given).filter(([name]) => new RegExp(`@${name}\\b`).test(statement)))

const webhookId = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const count = (name: string) => `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @${name})`
/** UUIDs that sort by time, as the real ones do. */
const id = (kind: string, n: string) => `printf('%012x-%04x-8${kind}00-8000-%012x', (${n}) / 65536, (${n}) % 65536, (${n}))`

const insertWebhooks = `${count('webhooks')}
  INSERT INTO webhooks (id, organization_id, url, label, active, scheme, format, secrets, retry, timeout_ms, created_at, updated_at)
  SELECT printf('00000000-0000-7000-8000-%012x', i), 'default', 'https://receiver-' || i || '.example.com/hooks', 'receiver ' || i, 1,
    'standard-webhooks', 'tidings', '[]', '{}', 10000, @from, @from FROM n`

const insertEvents = `${count('events')}
  INSERT INTO events (id, organization_id, source, dedup_key, body_hash, type, envelope, headers, raw, received_at, fanned_out_at, matched)
  SELECT ${id('e', 'i')}, 'default', 'api', 'event-' || i, hex(i), CASE i % 4 WHEN 0 THEN 'table.created' ELSE 'table.updated' END,
    json_object('id', ${id('e', 'i')}, 'organizationId', 'default', 'source', 'api', 'type', 'table.updated', 'subject', 'warehouse.sales.orders_' || i,
      'entity', json_object('type', 'table', 'id', i, 'name', 'warehouse.sales.orders_' || i)),
    '{}', zeroblob(200), CAST(@from + i * @step * @fanOut AS INTEGER), CAST(@from + i * @step * @fanOut AS INTEGER) + 3, @fanOut FROM n`

const insertDeliveries = `${count('deliveries')}
  INSERT INTO deliveries (id, organization_id, event_id, webhook_id, event_type, subscription_ids, state, generation, attempts, step,
    accepted_at, created_at, updated_at, last_attempt_at, delivered_at, last_outcome, last_status_code, reason)
  SELECT ${id('d', 'i')}, 'default', ${id('e', 'i / @fanOut')}, printf('00000000-0000-7000-8000-%012x', (i * 7) % @webhooks),
    CASE i / @fanOut % 4 WHEN 0 THEN 'table.created' ELSE 'table.updated' END, '["00000000-0000-7000-8000-000000000001"]',
    CASE WHEN i % 51 = 0 THEN 'failed' ELSE 'succeeded' END, 0, CASE WHEN i % 5 = 0 THEN 2 ELSE 1 END, 1,
    CAST(@from + i * @step AS INTEGER), CAST(@from + i * @step AS INTEGER), CAST(@from + i * @step AS INTEGER) + 40,
    CAST(@from + i * @step AS INTEGER) + 20, CASE WHEN i % 51 = 0 THEN NULL ELSE CAST(@from + i * @step AS INTEGER) + 40 END,
    CASE WHEN i % 51 = 0 THEN 'rejected' ELSE 'succeeded' END, CASE WHEN i % 51 = 0 THEN 500 ELSE 200 END,
    CASE WHEN i % 51 = 0 THEN 'the last attempt failed' END FROM n`

const insertAttempts = `INSERT INTO attempts (id, delivery_id, webhook_id, generation, number, started_at, finished_at, outcome, status_code, timings,
    request, response_headers, response_body, decision)
  SELECT substr(d.id, 1, 19) || 'a' || t.number || substr(d.id, 22), d.id, d.webhook_id, 0, t.number, d.created_at + t.number * 10, d.updated_at,
    CASE WHEN t.number < d.attempts THEN 'rejected' ELSE d.last_outcome END, CASE WHEN t.number < d.attempts THEN 500 ELSE d.last_status_code END,
    '{"headersMs":1.2,"endMs":1.4}', '{"url":"https://receiver.example.com/hooks","headers":{},"format":"tidings","bodyHash":"","bytes":700}',
    '{"content-length":"2"}', 'ok', 'delivered'
  FROM deliveries AS d JOIN (SELECT 1 AS number UNION ALL SELECT 2) AS t ON t.number <= d.attempts`
