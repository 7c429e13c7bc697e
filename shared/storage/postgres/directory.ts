import type { DirectoryStore } from '../directory.ts'
import type { Db } from './database.ts'

export function create(_db: Db): DirectoryStore {
  throw new Error('being written')
}
