/** What is posted, to Tidings and to every peer: one change of a table, as a catalog tells it, some 700 bytes. */
export type EventOptions = { webhooks: number; sentAt?: number; bytes?: number; type?: string }

let made = 0
const run = `bench-${process.pid.toString(36)}-${Date.now().toString(36)}`

/** Each has an id of its own, as those of a catalog have; its domain says which of the webhooks wants it. */
export function eventText({ webhooks, sentAt = 0, bytes = 0, type = 'table.updated' }: EventOptions): string {
  const n = made++
  const name = `warehouse.sales.orders_${n % 1_000}`
  const event = {
    id: `${run}-${n}`,
    type,
    time: '2026-04-15T09:00:03Z',
    subject: name,
    actor: 'ada',
    entity: {
      type: 'table',
      id: String(4_711 + (n % 1_000)),
      name,
      domain: domainOf(n % webhooks),
      owners: ['team-sales'],
      tags: ['PII.Sensitive', 'Tier.Gold'],
    },
    change: { updated: [{ name: 'columns.zip.description', old_value: 'zip', new_value: 'Postal code of the delivery address' }] },
    data: { sentAt, rows: n, columns: ['id', 'customer', 'street', 'zip', 'city', 'country'], note: 'nightly load of the orders' },
  }
  const text = JSON.stringify(event)
  return bytes <= text.length ? text : JSON.stringify({ ...event, data: { ...event.data, filling: 'x'.repeat(bytes - text.length - 13) } })
}

export const domainOf = (webhook: number): string => `domain-${webhook}`

/** What a user without Tidings would send: the same news. */
export const bodyText = (sentAt = 0): string => eventText({ webhooks: 50, sentAt })
