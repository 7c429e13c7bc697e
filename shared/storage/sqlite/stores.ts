import * as collect from './collect.ts'
import type { Db } from './database.ts'
import * as audit from './audit.ts'
import * as deliveries from './deliveries.ts'
import * as directory from './directory.ts'
import * as eventLog from './event-log.ts'
import * as events from './events.ts'
import * as eventTypes from './event-types.ts'
import * as health from './health.ts'
import * as held from './held.ts'
import * as keys from './keys.ts'
import * as ledger from './ledger.ts'
import * as log from './delivery-log.ts'
import * as openMetadata from './openmetadata.ts'
import * as partials from './partials.ts'
import * as redeliveries from './redeliveries.ts'
import * as refusals from './refusals.ts'
import * as replays from './replays.ts'
import * as retention from './retention.ts'
import * as sealed from './sealed.ts'
import * as sessions from './sessions.ts'
import * as sources from './sources.ts'
import * as stats from './stats.ts'
import * as subscriptions from './subscriptions.ts'
import * as webhooks from './webhooks.ts'

export type Access = 'read' | 'write'
/** A store of the port as it is inside a thread: the same methods, synchronous. */
export type Sync<T> = { [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never }
type Call = (...args: unknown[]) => unknown

/** Every file of this folder that holds a store exports `reads(db)` and `writes(db)`: its methods by access. */
const files = {
  keys: [keys],
  sessions: [sessions],
  audit: [audit],
  sources: [sources],
  refusals: [refusals],
  sealed: [sealed],
  eventTypes: [eventTypes],
  webhooks: [webhooks],
  health: [health],
  subscriptions: [subscriptions],
  openMetadata: [openMetadata],
  directory: [directory],
  events: [events, eventLog],
  partials: [partials],
  collect: [collect],
  deliveries: [deliveries, log, held],
  redeliveries: [redeliveries],
  replays: [replays],
  stats: [stats],
  ledger: [ledger],
  retention: [retention],
}

export function stores(db: Db, access: Access): Record<string, Record<string, Call>> {
  const ping = () => db.$client.prepare('SELECT 1').get()
  // no store of the port has this name, so that none replaces it
  // A page is written: a disk that is full lets everything else of a transaction pass.
  const pingWrite = () => void db.$client.exec('PRAGMA user_version = 1')
  const made: Record<string, Record<string, Call>> = { thread: access === 'read' ? { ping } : { pingWrite } }
  for (const [name, parts] of Object.entries(files)) {
    const methods = parts.map((part) => (access === 'read' ? part.reads(db) : part.writes(db)) as Record<string, Call>)
    made[name] = Object.assign({}, ...methods)
  }
  return made
}
