import type { Change } from '../../../shared/contracts/event.ts'
import { changeOf, type FieldChange } from '../fields.ts'
import { canonicalMembers, type Members } from './entity.ts'

/** Values whose text is longer are named and not shown: an envelope is carried to every webhook. */
const longestValue = 16_384

type Lists = { added: FieldChange[]; updated: FieldChange[]; deleted: FieldChange[] }

/**
 * What makes one version of an entity of another: members added, updated and deleted, with their old and new values;
 * those of objects within it by dotted names, lists as a whole. Undefined when there is no difference.
 */
export function changeBetween(before: Members, after: Members): Change | undefined {
  const lists: Lists = { added: [], updated: [], deleted: [] }
  compare(before, after, '', lists)
  return changeOf(lists)
}

function compare(before: Members, after: Members, prefix: string, lists: Lists): void {
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, now] = [before.get(name), after.get(name)]
    const field = prefix + name
    if (old === now) continue
    if (old === undefined) lists.added.push({ name: field, ...shown('new_value', now) })
    else if (now === undefined) lists.deleted.push({ name: field, ...shown('old_value', old) })
    else if (old.startsWith('{') && now.startsWith('{')) compare(membersIn(old), membersIn(now), `${field}.`, lists)
    else lists.updated.push({ name: field, ...shown('old_value', old), ...shown('new_value', now) })
  }
}

const membersIn = (text: string): Members => canonicalMembers(Buffer.from(text))

const shown = (name: 'old_value' | 'new_value', text: string | undefined): Partial<FieldChange> =>
  text === undefined || text.length > longestValue ? {} : { [name]: JSON.parse(text) as unknown }
