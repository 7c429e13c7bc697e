import type { KeyStore } from '../storage.ts'
import type { Db } from './database.ts'

export function create(_db: Db): KeyStore {
  throw new Error('being written')
}
