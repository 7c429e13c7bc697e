import type { SourceStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): SourceStore {
  throw new Error('being written')
}
