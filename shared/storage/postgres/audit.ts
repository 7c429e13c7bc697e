import type { AuditStore } from '../audit.ts'
import type { Db } from './database.ts'

export function create(_db: Db): AuditStore {
  throw new Error('being written')
}
