import type { HealthStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): HealthStore {
  throw new Error('being written')
}
