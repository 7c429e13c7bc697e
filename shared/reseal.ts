import type { Vault } from './secrets.ts'
import type { SealedKind, Storage } from './storage/storage.ts'

const rowsAtOnce = 200
const kinds: SealedKind[] = ['webhook', 'source']
export type Resealed = { rows: number; resealed: number; unreadable: string[] }

/**
 * Seals all that is stored with the newest master key. Row by row in small batches, beside running services: a value
 * that somebody changes in between is theirs. Stopped in the middle, it finds what is left when it is started again.
 */
export async function reseal(storage: Pick<Storage, 'sealed'>, vault: Vault, onProgress: (sofar: Resealed) => void): Promise<Resealed> {
  const sofar: Resealed = { rows: 0, resealed: 0, unreadable: [] }
  for (const kind of kinds) {
    for (let after = ''; ; ) {
      const rows = await storage.sealed.list(kind, after, rowsAtOnce)
      const changes = []
      for (const { id, values } of rows) {
        try {
          const old = values.filter((value) => !vault.isNewest(value))
          if (old.length > 0) changes.push({ id, pairs: old.map((from) => ({ from, to: vault.seal(vault.open(from, id), id) })) })
        } catch {
          sofar.unreadable.push(`${kind} ${id}`)
        }
      }
      if (changes.length > 0) sofar.resealed += await storage.sealed.replace(kind, changes)
      sofar.rows += rows.length
      onProgress(sofar)
      const last = rows.at(-1)
      if (!last || rows.length < rowsAtOnce) break
      after = last.id
    }
  }
  return sofar
}
