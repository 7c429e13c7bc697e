import type { WebhookStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): WebhookStore {
  throw new Error('being written')
}
