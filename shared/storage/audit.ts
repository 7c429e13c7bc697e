/** Who changed what. Rows are only ever added; each one's hash covers the one before it in its organization. */
export type AuditRow = {
  seq: number
  organizationId: string
  at: number
  /** Id of the API key. */
  actor: string
  actorLabel: string | null
  action: string
  targetType: string
  targetId: string | null
  /** What it looked like, without secrets; null: it was not there. */
  before: unknown
  after: unknown
  requestId: string | null
  previousHash: string
  hash: string
}
export type NewAuditRow = Omit<AuditRow, 'seq' | 'previousHash' | 'hash'>

export type AuditFilter = Partial<Pick<AuditRow, 'actor' | 'action' | 'targetType'>> & { targetId?: string | undefined }
/** Where the check of a chain stands: give it back to go on. */
export type AuditCheck = {
  rows: number
  seq: number
  hash: string /** The first row that does not fit. */
  brokenAt: number | null
  done: boolean
}

export type AuditStore = {
  append(row: NewAuditRow): Promise<void>
  /** Newest first; those older than `before`. */
  list(organizationId: string, filter: AuditFilter, page: { limit: number; before?: number | undefined }): Promise<AuditRow[]>
  /** Goes over the next rows of the chain, at most `most`. */
  verify(organizationId: string, from: Pick<AuditCheck, 'seq' | 'hash' | 'rows'>, most: number): Promise<AuditCheck>
}
