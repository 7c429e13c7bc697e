import type { PartialStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): PartialStore {
  throw new Error('being written')
}
