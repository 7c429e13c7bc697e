import type { Page } from './storage.ts'

/** A user or a team, as webhooks that tell owners, followers or admins find them. */
export type DirectoryEntry = {
  organizationId: string
  kind: 'user' | 'team'
  name: string
  displayName: string | null
  email: string | null
  /** Of a user. */
  isAdmin: boolean
  /** A webhook of their own, where they want to be told. */
  webhookId: string | null
  /** Of a team: names of its users, who need not be in the directory. */
  members: string[]
  /** The source that filled it in; null: a person did. */
  source: string | null
  updatedAt: number
}
export type DirectoryKind = DirectoryEntry['kind']
/** Of whom more is wanted than a name. */
export type DirectoryQuestion = { names: string[]; admins: boolean }

export type DirectoryFilling = {
  organizationId: string
  source: string
  entries: Omit<DirectoryEntry, 'organizationId' | 'source' | 'updatedAt'>[]
  /** Those that the source has filled in before and does not name now are removed. */
  isWhole: boolean
}
/** `kept`: there already, from a person or another source, and left as they are. */
export type DirectoryFilled = { written: number; removed: number; kept: { kind: DirectoryKind; name: string }[] }

/** A webhook that the organization does not have rejects with a `Problem` that names the field; nothing is written then. */
export type DirectoryStore = {
  find(organizationId: string, kind: DirectoryKind, name: string): Promise<DirectoryEntry | undefined>
  /** By name. */
  list(
    organizationId: string,
    kind: DirectoryKind,
    page: { limit: number; after?: string | undefined; source?: string | undefined },
  ): Promise<Page<DirectoryEntry>>
  /** Users and teams of these names, the users of those teams, and the admins if asked for. What is not known is not among them. */
  lookUp(organizationId: string, question: DirectoryQuestion): Promise<DirectoryEntry[]>
  put(entry: DirectoryEntry): Promise<void>
  remove(organizationId: string, kind: DirectoryKind, name: string): Promise<boolean>
  /** All or nothing. */
  fill(filling: DirectoryFilling, now: number): Promise<DirectoryFilled>
}
