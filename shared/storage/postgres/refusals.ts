import type { RefusalStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): RefusalStore {
  throw new Error('being written')
}
