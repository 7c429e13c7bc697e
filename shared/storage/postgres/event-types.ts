import type { EventTypeStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): EventTypeStore {
  throw new Error('being written')
}
