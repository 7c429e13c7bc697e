import type { SubscriptionStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): SubscriptionStore {
  throw new Error('being written')
}
