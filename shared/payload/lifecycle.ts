/**
 * What an event type says happened. Each system has words of its own for the same few things, so a format that must
 * speak another system's reads them here: `table.softDeleted`, `instrument.archived` and `dataset.delete` are no three
 * different stories.
 */
export type Lifecycle = 'created' | 'updated' | 'archived' | 'deleted' | 'restored'

const words: Record<Lifecycle, string[]> = {
  created: ['created', 'create', 'creation', 'added', 'registered'],
  updated: ['updated', 'update', 'changed', 'change', 'propertychange', 'fieldschanged', 'modified', 'renamed'],
  archived: ['archived', 'archive', 'softdeleted', 'softdelete'],
  deleted: ['deleted', 'delete', 'deletion', 'removed', 'harddeleted'],
  restored: ['restored', 'restore', 'unarchived', 'undeleted'],
}
const byWord = new Map(Object.entries(words).flatMap(([lifecycle, all]) => all.map((word) => [word, lifecycle as Lifecycle])))

/** The last word of a dotted type, and what comes before it: `['market_listing', 'created']`. */
export function splitType(type: string): { stem: string; verb: string } {
  const at = type.lastIndexOf('.')
  return { stem: type.slice(0, Math.max(at, 0)), verb: type.slice(at + 1) }
}

/** `entityCreated`, OpenMetadata's own word, counts as `created`. */
export function lifecycleOf(type: string): Lifecycle | undefined {
  const verb = splitType(type).verb.toLowerCase().replace(/[-_]/g, '')
  return byWord.get(verb) ?? byWord.get(verb.replace(/^entity/, ''))
}

export const isGone = (lifecycle: Lifecycle | undefined): boolean => lifecycle === 'deleted' || lifecycle === 'archived'
