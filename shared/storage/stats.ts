/** Figures for people who look: each is found along an index, or stops counting. `minute` is the time of its beginning. */
export type StatsStore = {
  /** Events by the minute of their acceptance, attempts by that of their start; minutes without any are left out. */
  minutes(
    organizationId: string,
    from: number,
    to: number,
  ): Promise<{ minute: number; accepted: number; succeeded: number; failed: number }[]>
  /** From acceptance to delivery, of the latest deliveries made since the time. */
  latencies(organizationId: string, since: number, limit: number): Promise<number[]>
  backlog(
    organizationId: string,
    now: number,
    upTo: number,
  ): Promise<{ pending: number; retrying: number; due: number; oldestAcceptedAt: number | null }>
  /** Finished attempts of each webhook, in stretches of time. */
  health(
    organizationId: string,
    since: number,
    stretchMs: number,
  ): Promise<{ webhookId: string; at: number; succeeded: number; failed: number }[]>
}
