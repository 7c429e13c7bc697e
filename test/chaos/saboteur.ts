import { channel } from 'node:diagnostics_channel'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded into a service before its own code (`--import`), to do from inside what cannot be done from outside: turn its
 * clock, block its event loop, die over one certain request. The service itself knows nothing of it.
 */
export type Sabotage = {
  /** The clock is wrong by so much, from the start. */
  skewMs?: number
  /** On SIGUSR2 the clock jumps by so much. */
  jumpMs?: number
  /** On SIGUSR2 the event loop stands still for so long. */
  blockMs?: number
  /** Dies as it makes a request whose path begins so. */
  poison?: string
}

const sabotage = JSON.parse(process.env['SABOTAGE'] ?? '{}') as Sabotage
let skewMs = sabotage.skewMs ?? 0

const RealDate = Date
class WrongDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(RealDate.now() + skewMs)
    else super(...given)
  }
  static override now(): number {
    return RealDate.now() + skewMs
  }
}
if (sabotage.skewMs !== undefined || sabotage.jumpMs !== undefined) globalThis.Date = WrongDate as DateConstructor

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

if (isMainThread && (sabotage.jumpMs !== undefined || sabotage.blockMs !== undefined)) {
  process.on('SIGUSR2', () => {
    skewMs += sabotage.jumpMs ?? 0
    block(sabotage.blockMs ?? 0)
  })
}

const { poison } = sabotage
if (poison !== undefined) {
  channel('undici:request:create').subscribe((message) => {
    const { request } = message as { request: { path?: string } }
    if (request.path?.startsWith(poison)) process.kill(process.pid, 'SIGKILL')
  })
}
