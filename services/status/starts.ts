import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'

type Started = Extract<OutcomeEntry, { kind: 'started' }>
/** An entry of the stream. */
export type Told = { id: string; text: string; outcomes: OutcomeEntry[] }
export type Sifted = {
  outcomes: OutcomeEntry[]
  /** The same as JSON: arrays, or single ones. */
  texts: string[]
  /** Entries of the stream that say nothing more once those are recorded. */
  done: string[]
}
export type Starts = {
  /** @param all whatever is still held back comes out too */
  sift(told: Told[], now: number, all?: boolean): Sifted
  /** After a failure: the stream still has all that was held back, and brings it again. */
  drop(): void
}

/** Long enough for nearly every attempt to end, short enough that one that hangs is seen hanging. */
const heldMs = 1_000

/**
 * Holds back the starts of attempts: most end within a second, and the row of an attempt is then written once and whole.
 * The stream keeps them meanwhile, so nothing is lost with us.
 */
export function createStarts(): Starts {
  const held = new Map<string, { at: number; open: Map<string, Started> }>()
  const entryOf = new Map<string, string>()

  function hold(id: string, starts: Started[], at: number): void {
    held.set(id, { at, open: new Map(starts.map((start) => [start.attemptId, start])) })
    for (const { attemptId } of starts) entryOf.set(attemptId, id)
  }

  /** @returns the entry of the stream, where this was the last that it told of */
  function end(attemptId: string): string | undefined {
    const id = entryOf.get(attemptId)
    const entry = id === undefined ? undefined : held.get(id)
    if (!id || !entry) return undefined
    entryOf.delete(attemptId)
    entry.open.delete(attemptId)
    if (entry.open.size > 0) return undefined
    held.delete(id)
    return id
  }

  function takeOverdue(before: number): Sifted {
    const overdue: Sifted = { outcomes: [], texts: [], done: [] }
    for (const [id, { at, open }] of held) {
      if (at > before) break
      overdue.outcomes.push(...open.values())
      overdue.done.push(id)
      for (const attemptId of open.keys()) entryOf.delete(attemptId)
      held.delete(id)
    }
    if (overdue.outcomes.length > 0) overdue.texts.push(JSON.stringify(overdue.outcomes))
    return overdue
  }

  /** Held back is an entry of nothing but starts: one with an end in it could be forgotten before that end is in SQL. */
  function siftEntries(told: Told[], now: number): Sifted {
    const sifted: Sifted = { outcomes: [], texts: [], done: [] }
    for (const { id, text, outcomes } of told) {
      if (outcomes.every((outcome) => outcome.kind === 'started')) {
        hold(id, outcomes, now)
        continue
      }
      sifted.done.push(id)
      sifted.texts.push(text)
      sifted.outcomes.push(...outcomes)
    }
    return sifted
  }

  return {
    sift(told, now, all = false) {
      const { outcomes, texts, done } = siftEntries(told, now)
      for (const outcome of outcomes) {
        const entry = outcome.kind === 'finished' ? end(outcome.attemptId) : undefined
        if (entry) done.push(entry)
      }
      const overdue = takeOverdue(all ? Number.POSITIVE_INFINITY : now - heldMs)
      return {
        outcomes: [...overdue.outcomes, ...outcomes],
        texts: [...overdue.texts, ...texts],
        done: [...overdue.done, ...done],
      }
    },
    drop() {
      held.clear()
      entryOf.clear()
    },
  }
}
