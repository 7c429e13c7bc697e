import type { OpenMetadataStore } from '../openmetadata.ts'
import type { Db } from './database.ts'

export function create(_db: Db): OpenMetadataStore {
  throw new Error('being written')
}
