import type { Pruned, RetentionStore } from '../retention.ts'
import type { Db } from './database.ts'
import type { Sync } from './stores.ts'

export const reads = (): Record<never, never> => ({})

/** Each call deletes so many rows of a table at most, beside attempts: whoever else wants to write waits for it. */
const atOnce = 1_000

export function writes(db: Db): Sync<RetentionStore> {
  const prepare = (text: string) => db.$client.prepare<unknown[], { id: string }>(text)
  // one organization after the other, since that is how the index of events begins
  const old = prepare(`
    WITH RECURSIVE owners (id) AS (
      SELECT min(organization_id) FROM events
      UNION ALL SELECT (SELECT min(organization_id) FROM events WHERE organization_id > owners.id) FROM owners WHERE owners.id IS NOT NULL)
    SELECT events.id FROM owners CROSS JOIN events ON events.organization_id = owners.id
    WHERE received_at < @before AND fanned_out_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = events.id AND state IN ('pending', 'retrying'))
    LIMIT @atOnce`)
  const theirs = prepare('SELECT id FROM deliveries WHERE event_id IN (SELECT value FROM json_each(@ids)) LIMIT @atOnce')
  const deleteAttempts = prepare('DELETE FROM attempts WHERE delivery_id IN (SELECT value FROM json_each(@ids))')
  const deleteDeliveries = prepare('DELETE FROM deliveries WHERE id IN (SELECT value FROM json_each(@ids))')
  // one with more deliveries than a call deletes goes with the last of them
  const deleteEvents = prepare(`DELETE FROM events WHERE id IN (SELECT value FROM json_each(@ids))
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = events.id)`)
  const deleteKeys = prepare(
    'DELETE FROM idempotency_keys WHERE rowid IN (SELECT rowid FROM idempotency_keys WHERE created_at < @before LIMIT @atOnce)',
  )
  const idsOf = (rows: { id: string }[]) => ({ ids: JSON.stringify(rows.map(({ id }) => id)) })

  return {
    // one file: there is nothing to make room in
    prepare: () => {},
    prune(before): Pruned {
      const [events, keys] = [old.all({ before, atOnce }), deleteKeys.run({ before, atOnce }).changes]
      const deliveries = theirs.all({ ...idsOf(events), atOnce })
      return {
        attempts: deleteAttempts.run(idsOf(deliveries)).changes,
        deliveries: deleteDeliveries.run(idsOf(deliveries)).changes,
        events: deleteEvents.run(idsOf(events)).changes,
        more: [events.length, deliveries.length, keys].includes(atOnce),
      }
    },
  }
}
