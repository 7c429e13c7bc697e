import type { Clock } from '../../shared/clock.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Storage } from '../../shared/storage/storage.ts'

type FannedOut = { id: string; matched: number }
export type Marks = {
  /** All jobs of these events are made. */
  note(events: FannedOut[]): void
  /** Resolves when what was noted is in SQL. */
  flush(): Promise<void>
}

/** Long enough to spare a commit for each round, short enough that an event's own page hardly ever lags behind. */
const gatherMs = 100

/** Marks events as fanned out, many in one commit. One that stays unmarked is found by the sweep and fanned out again. */
export function gatherMarks({ storage, clock, log }: { storage: Pick<Storage, 'events'>; clock: Clock; log: Logger }): Marks {
  let noted: FannedOut[] = []
  let marked: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  function write(): void {
    timer = undefined
    const events = noted
    noted = []
    const written = storage.events
      .markFannedOut(events, clock.now())
      .catch((error: unknown) => log.warn({ err: error, events: events.length }, 'events not marked as fanned out, will be repeated'))
    marked = Promise.all([marked, written]).then(() => {})
  }

  return {
    note(events) {
      noted.push(...events)
      timer ??= setTimeout(write, gatherMs)
    },
    flush() {
      clearTimeout(timer)
      if (noted.length > 0) write()
      return marked
    },
  }
}
