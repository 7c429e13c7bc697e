import type { CollectStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): CollectStore {
  throw new Error('being written')
}
