import { sql } from 'drizzle-orm'
import type { Executor } from './database.ts'

/** What one transaction at a time may do, over all processes. */
type Subject = 'audit' | 'collect view' | 'directory' | 'registry'

/** Holds what is named until the transaction ends; whoever holds it waits here first, and sees then what was written meanwhile. */
export async function hold(tx: Executor, subject: Subject, ...names: string[]): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${JSON.stringify([subject, ...names])}, 0))`)
}
