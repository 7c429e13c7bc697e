import { randomUUID } from 'node:crypto'

/**
 * Where ids are remembered. A claim is one atomic step, so that of two copies that come at once only one is handled,
 * whichever processes they come to. It holds for a short time only: should its holder die, the sender's next attempt
 * is handled, and not mistaken for a duplicate.
 */
export type SeenStore = {
  /** `claimed`: yours to handle; `running`: somebody else holds it; `done`: has been handled. */
  claim(id: string, owner: string, seconds: number): Promise<'claimed' | 'running' | 'done'>
  /** Remembers that it has been handled. */
  finish(id: string, seconds: number): Promise<void>
  /** Gives a claim back; does nothing when it has run out and somebody else holds it by now. */
  release(id: string, owner: string): Promise<void>
}

export type Once = <T>(id: string, run: () => T | Promise<T>) => Promise<Handled<T>>
export type Handled<T> = { outcome: 'handled'; value: T } | { outcome: 'duplicate' } | { outcome: 'running'; retryAfterSeconds: number }

export type IdempotencyOptions = {
  /** How long an id is remembered; 7 unless given. */
  days?: number
  /** Longer than any handler takes; 60 unless given. Work that takes longer belongs into a queue of yours. */
  claimSeconds?: number
}

/**
 * Runs a handler once for each id. One that fails has not run: its id is free again, for the sender's next attempt. A
 * store that cannot take note of a success is such a failure: rather twice than never.
 */
export function idempotent(store: SeenStore, { days = 7, claimSeconds = 60 }: IdempotencyOptions = {}): Once {
  return async (id, run) => {
    const owner = randomUUID()
    const claim = await store.claim(id, owner, claimSeconds)
    if (claim === 'done') return { outcome: 'duplicate' }
    // not a duplicate yet: were this copy acknowledged and the other one failed, nobody would send it again
    if (claim === 'running') return { outcome: 'running', retryAfterSeconds: claimSeconds }
    try {
      const value = await run()
      await store.finish(id, Math.round(days * 86_400))
      return { outcome: 'handled', value }
    } catch (error) {
      // what the handler failed with is what matters; a claim that cannot be given back runs out by itself
      await store.release(id, owner).catch(() => {})
      throw error
    }
  }
}
