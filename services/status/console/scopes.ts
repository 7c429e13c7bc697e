import type { Key } from '../../../shared/contracts/api/key.ts'

export type Scope = Key['scopes'][number]
export const scopes: { name: Scope; about: string }[] = [
  { name: 'ingest', about: 'post events' },
  { name: 'read', about: 'look at everything' },
  { name: 'write', about: 'read and change' },
  { name: 'admin', about: 'all of these, and keys and queues' },
]
const includes: Record<Scope, Scope[]> = {
  admin: ['ingest', 'read', 'write', 'admin'],
  write: ['write', 'read'],
  read: ['read'],
  ingest: ['ingest'],
}

/** As the service judges, too; here it only decides what is offered. */
export const allows = (held: Scope[], needed: Scope): boolean => held.some((scope) => includes[scope].includes(needed))
