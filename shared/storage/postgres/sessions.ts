import type { SessionStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): SessionStore {
  throw new Error('being written')
}
