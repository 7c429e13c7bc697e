import { setTimeout as wait } from 'node:timers/promises'
import { exits } from './fail.ts'
import type { Io } from './io.ts'

/** What goes on in Tidings piece by piece, and can be stopped: a redelivery, a replay. */
export type Bulk = { id: string; status: 'running' | 'finished' | 'stopped' }
export type BulkView<T extends Bulk> = {
  /** `redelivery`, `replay`. */
  what: string
  look(): Promise<T>
  stop(): Promise<T>
  /** How far it has come, in words. */
  words(bulk: T): string
  /** The command that watches it again. */
  again: string
}

const lookEveryMs = 500
const lineEveryMs = 5_000

/**
 * Shows how far it has come until it has ended. Ctrl-C asks whether to stop it; where nobody can be asked, it means just that.
 * Ending us alone leaves it running: it is not ours.
 */
export async function watchBulk<T extends Bulk>(io: Io, begun: T, view: BulkView<T>): Promise<number> {
  const signal = io.interruptible()
  const line = createLine(io)
  let bulk = begun
  while (bulk.status === 'running') {
    line.show(view.words(bulk))
    await wait(lookEveryMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) {
      line.end()
      const stops = !io.closed() && (!io.interactive || (await io.ask(`Stop the ${view.what}?`)))
      if (!stops) {
        io.say(`It goes on: ${view.again} ${bulk.id}`)
        return exits.done
      }
      bulk = await view.stop()
      break
    }
    bulk = await view.look()
  }
  line.end()
  io.out(
    io.json
      ? JSON.stringify(bulk)
      : `${view.what} ${bulk.id} has ${bulk.status === 'stopped' ? 'been stopped' : 'finished'}: ${view.words(bulk)}`,
  )
  return bulk.status === 'stopped' ? exits.refused : exits.done
}

/** One line that is written over on a terminal; elsewhere a line now and then. */
function createLine(io: Io) {
  const { stderr } = process
  const moving = stderr.isTTY === true
  let lastAt = 0
  return {
    show(text: string) {
      if (moving) return void stderr.write(`\r\x1b[2K${text}`)
      if (Date.now() - lastAt < lineEveryMs) return
      lastAt = Date.now()
      io.say(text)
    },
    end: () => void (moving && stderr.write('\r\x1b[2K')),
  }
}

export const share = (part: number, whole: number): string =>
  `${part} of ${whole}${whole > 0 ? ` (${Math.floor((100 * part) / whole)} %)` : ''}`
