import type { z } from 'zod'
import type { DirectoryInput, Team, TeamInput, User, UserInput } from '../../shared/contracts/api/directory.ts'
import type { DirectoryEntry, DirectoryFilled, DirectoryKind } from '../../shared/storage/directory.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'
import { iso } from './shape.ts'
import { findSource } from './sources.ts'

type Deps = Pick<StatusDeps, 'storage' | 'clock'>
type Given = z.infer<typeof UserInput> | z.infer<typeof TeamInput>

export async function findEntry(organizationId: string, kind: DirectoryKind, name: string, { storage }: Deps): Promise<DirectoryEntry> {
  const entry = await storage.directory.find(organizationId, kind, name)
  if (!entry) throw notFound(kind, name)
  return entry
}

/** Written by a person, it is theirs from then on, whoever filled it in before. */
export async function putEntry(
  organizationId: string,
  kind: DirectoryKind,
  name: string,
  given: Given,
  { storage, clock }: Deps,
): Promise<{ entry: DirectoryEntry; isNew: boolean }> {
  const entry = { ...columnsOf(kind, name, given), organizationId, source: null, updatedAt: clock.now() }
  const known = await storage.directory.find(organizationId, kind, name)
  await storage.directory.put(entry)
  return { entry, isNew: known === undefined }
}

export async function removeEntry(organizationId: string, kind: DirectoryKind, name: string, { storage }: Deps): Promise<void> {
  if (!(await storage.directory.remove(organizationId, kind, name))) throw notFound(kind, name)
}

export async function fillDirectory(
  organizationId: string,
  source: string,
  { users, teams }: DirectoryInput,
  isWhole: boolean,
  deps: Deps,
): Promise<DirectoryFilled> {
  await findSource(organizationId, source, deps)
  const entries = [
    ...users.map(({ name, ...given }) => columnsOf('user', name, given)),
    ...teams.map(({ name, ...given }) => columnsOf('team', name, given)),
  ]
  return deps.storage.directory.fill({ organizationId, source, entries, isWhole }, deps.clock.now())
}

const columnsOf = (kind: DirectoryKind, name: string, given: Given) => ({
  kind,
  name,
  displayName: given.display_name,
  email: given.email,
  isAdmin: 'is_admin' in given && given.is_admin,
  webhookId: given.webhook_id,
  members: 'members' in given ? given.members : [],
})

const common = ({ name, displayName, email, webhookId }: DirectoryEntry) => ({
  name,
  display_name: displayName,
  email,
  webhook_id: webhookId,
})
const filledBy = ({ source, updatedAt }: DirectoryEntry) => ({ source, updated_at: iso(updatedAt) })

export const userOf = (entry: DirectoryEntry): z.infer<typeof User> => ({ ...common(entry), is_admin: entry.isAdmin, ...filledBy(entry) })
export const teamOf = (entry: DirectoryEntry): z.infer<typeof Team> => ({ ...common(entry), members: entry.members, ...filledBy(entry) })
