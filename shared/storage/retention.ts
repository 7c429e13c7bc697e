/** How long the log is kept. */
export type RetentionStore = {
  /** Makes room for what comes, where the log is kept in pieces of time. */
  prepare(now: number): Promise<void>
  /**
   * Forgets events accepted before the time, with their deliveries, attempts and keys: whole pieces of time, or a bounded number
   * of events. One that is not fanned out, or has a delivery that is open, is kept, and may keep others of its time.
   */
  prune(before: number): Promise<Pruned>
}

/** `more`: the bound was reached, and there is more to forget. */
export type Pruned = { events: number; deliveries: number; attempts: number; more: boolean }
