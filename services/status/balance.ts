import type { Clock } from '../../shared/clock.ts'
import type { Storage } from '../../shared/storage/storage.ts'

type Deps = { storage: Pick<Storage, 'keys' | 'ledger'>; clock: Clock }
type Piece = { to: number; accepted: number; unaccounted: number }
export type Balance = { accepted: number; unaccounted: number }

/** What is shown is the sum of this time; what lies before it was shown before. */
const windowMs = 10 * 60_000
/** What was accepted just now is not fanned out yet, and its counts are still being written. */
const settleMs = 10_000
/** Events of one look, of all organizations together: 60 ms of the reading thread. */
const eventsPerLook = 10_000

/**
 * Audits the ledger as time goes on: each look goes on where the one before has ended, so that every event is looked at
 * once and none of the looks is long. Where more is accepted than can be looked at, the rest is left out, never waited for.
 */
export function auditLedger({ storage, clock }: Deps): () => Promise<Balance> {
  const readTo = new Map<string, number>()
  let pieces: Piece[] = []
  let turn = 0

  async function lookAt(organizationId: string, now: number, most: number): Promise<Piece | undefined> {
    const to = now - settleMs
    const from = Math.max(readTo.get(organizationId) ?? 0, now - windowMs)
    if (from >= to) return undefined
    const ledger = await storage.ledger.read(organizationId, { from, to }, { most, limit: 0 })
    readTo.set(organizationId, ledger.readTo)
    const { accepted, pending, matchedNothing, failed, delivered, cancelled, unbalanced } = ledger
    const nowhere = accepted - (pending + matchedNothing + failed + delivered + cancelled)
    return { to: ledger.readTo, accepted, unaccounted: Math.max(nowhere, unbalanced) }
  }

  return async () => {
    const now = clock.now()
    const organizations = await storage.keys.organizations()
    let left = eventsPerLook
    for (let looked = 0; looked < organizations.length && left > 0; looked++) {
      const piece = await lookAt(organizations[turn++ % organizations.length] as string, now, left)
      if (!piece) continue
      left -= piece.accepted
      if (piece.accepted > 0) pieces.push(piece)
    }
    pieces = pieces.filter(({ to }) => to > now - windowMs)
    return {
      accepted: pieces.reduce((sum, piece) => sum + piece.accepted, 0),
      unaccounted: pieces.reduce((sum, piece) => sum + piece.unaccounted, 0),
    }
  }
}
