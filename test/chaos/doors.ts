import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import type { System } from '../support/system.ts'

/** A way into Tidings: a catalog that signs in its own way, or the native API with a key. */
export type Door = {
  /** As the events of it are stored: the name of its source. */
  name: string
  path: string
  body(key: string, n: number, padding: string): string
  /** What proves who sends it. Signed with the sender's own means, and not with code of ours. */
  headers(key: string, body: string): Record<string, string>
}

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`
const seconds = () => String(Math.floor(Date.now() / 1000))
const hmac = (text: string) => createHmac('sha256', secret).update(text).digest('hex')

const signedDoors: (Omit<Door, 'path'> & { adapter: string })[] = [
  {
    name: 'standard',
    adapter: 'standard-webhooks',
    body: (_key, n, padding) => JSON.stringify({ type: 'table.updated', timestamp: new Date().toISOString(), data: { n, padding } }),
    headers(key, body) {
      const now = new Date()
      const signature = new Webhook(secret).sign(key, now, body)
      return { 'webhook-id': key, 'webhook-timestamp': String(Math.floor(now.getTime() / 1000)), 'webhook-signature': signature }
    },
  },
  {
    name: 'foundry',
    adapter: 'foundry',
    body: (id, n, padding) => JSON.stringify({ id, type: 'dataset.updated', data: { datasetRid: `ri.dataset.${n}`, padding } }),
    headers(_key, body) {
      const timestamp = seconds()
      return { 'x-foundry-timestamp': timestamp, 'x-foundry-signature': hmac(`${timestamp}.${body}`) }
    },
  },
  {
    name: 'ptolemy',
    adapter: 'ptolemy',
    body: (id, n, padding) =>
      JSON.stringify({ id, event_type: 'instrument.updated', created_at: new Date().toISOString(), data: { id: String(n), padding } }),
    headers(_key, body) {
      const timestamp = seconds()
      return { 'ptolemy-signature': `t=${timestamp},v1=${hmac(`${timestamp}.${body}`)}` }
    },
  },
]

/** Registers the catalogs that sign. */
export async function openDoors({ api, key }: System): Promise<Door[]> {
  for (const { name, adapter } of signedDoors) await api.steer(201, 'POST', '/sources', { name, adapter, secret })
  const native: Door = {
    name: 'api',
    path: '/events',
    body: (id, n, padding) =>
      JSON.stringify({ id, type: 'table.updated', entity: { type: 'table', name: `t${n % 500}` }, data: { n, padding } }),
    headers: () => ({ authorization: `Bearer ${key}` }),
  }
  return [native, ...signedDoors.map((door) => ({ ...door, path: `/sources/${door.name}/events` }))]
}
