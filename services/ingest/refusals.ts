import type { Clock } from '../../shared/clock.ts'
import { createId } from '../../shared/id.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Problem } from '../../shared/problem.ts'
import type { Refusal, Source, Storage } from '../../shared/storage/storage.ts'

export type Refusals = {
  note(source: Pick<Source, 'organizationId' | 'name'>, problem: Problem, bytes: number): void
  /** Refused before it was known whose it is. */
  noteClaimed(name: string, problem: Problem, bytes: number): void
  stop(): Promise<void>
}

const writeEveryMs = 1_000
const keptOfEach = 100
/** Names are anybody's to invent: so many of them are looked up each time, and no more. */
const mostSources = 100

type Note = Omit<Refusal, 'organizationId' | 'source'>
type Kept = { source: Pick<Source, 'organizationId' | 'name'> | undefined; claimed: string; notes: Note[] }

/**
 * Notes which requests of sources were refused, and why, for who sets a source up. Once a second, and of each source
 * the last hundred: a flood of bad requests costs memory for a hundred of them, and one write.
 */
export function startRefusals({
  storage,
  clock,
  log,
}: {
  storage: Pick<Storage, 'refusals' | 'sources'>
  clock: Clock
  log: Logger
}): Refusals {
  let kept = new Map<string, Kept>()
  const noted = new WeakSet<Problem>()
  let writing = Promise.resolve()

  function keep(id: string, made: () => Kept, problem: Problem, bytes: number): void {
    // too many requests are no fault of the request, and are told by their number elsewhere
    if (noted.has(problem) || problem.code === 'rate_limited' || problem.status >= 500) return
    noted.add(problem)
    const found = kept.get(id) ?? made()
    if (!kept.has(id) && kept.size >= mostSources) return
    kept.set(id, found)
    found.notes.push({ id: createId(), at: clock.now(), status: problem.status, reason: reasonOf(problem), bytes })
    if (found.notes.length > keptOfEach) found.notes.shift()
  }

  async function write(): Promise<void> {
    const batch = [...kept.values()]
    kept = new Map()
    const rows: Refusal[] = []
    for (const { source, claimed, notes } of batch) {
      const owner = source ?? (await storage.sources.locate(claimed))
      if (owner) rows.push(...notes.map((note) => ({ ...note, organizationId: owner.organizationId, source: owner.name })))
    }
    if (rows.length > 0) await storage.refusals.add(rows, keptOfEach)
  }

  const flush = () => (writing = writing.then(write).catch((error: unknown) => log.warn({ err: error }, 'refusals not noted')))
  const timer = setInterval(() => {
    if (kept.size > 0) void flush()
  }, writeEveryMs).unref()

  return {
    note: (source, problem, bytes) =>
      keep(`${source.organizationId}/${source.name}`, () => ({ source, claimed: source.name, notes: [] }), problem, bytes),
    noteClaimed: (name, problem, bytes) => keep(`?/${name}`, () => ({ source: undefined, claimed: name, notes: [] }), problem, bytes),
    async stop() {
      clearInterval(timer)
      await flush()
    },
  }
}

/** A parser quotes what it could not read, which may be anything. */
const reasonOf = ({ message }: Problem) => message.replace(/(is not valid JSON).*/s, '$1').slice(0, 500)
