import { makeAuthorities, misidentified, startMisidentified, startUncivil, uncivil } from '../support/hostile-tls.ts'
import { answerWell, bomb, hostile, startAbsent, startHostile, type Behaviour, type Hostile } from '../support/hostile.ts'
import type { Name } from './expectations.ts'

/**
 * The hostile receivers in a process of their own: what they write as fast as they can is no memory of the sender's.
 * One at a time, and beside it one that does as it should.
 */
export type Order = { do: 'start'; name: Name } | { do: 'heal' } | { do: 'stop' }
export type Ready = { healthy: string; ca: string }
export type Started = { url: string }
export type Healed = { requests: number }

const authorities = makeAuthorities()
// made beforehand, as that takes longer than any deadline
bomb()
const healthy = await startHostile(answerWell)
let current: Hostile | undefined

async function carryOut(order: Order): Promise<Started | Healed | Record<string, never>> {
  if (order.do === 'start') return { url: (current = await start(order.name)).url }
  const requests = current?.requests() ?? 0
  if (order.do === 'heal') await current?.heal()
  else await current?.stop()
  return { requests }
}

function start(name: Name): Promise<Hostile> {
  if (name in misidentified) return startMisidentified(name as keyof typeof misidentified, authorities)
  if (name in uncivil) return startUncivil(name as keyof typeof uncivil, authorities)
  if (name === 'isNotThere') return startAbsent()
  if (name === 'resetsAtOnce') return startHostile(hostile.silent, hostile.resets)
  return startHostile(hostile[name as keyof typeof hostile] as Behaviour)
}

process.on('message', async (order: Order) => void process.send?.(await carryOut(order)))
process.once('disconnect', () => process.exit())
process.send?.({ healthy: healthy.url, ca: authorities.trusted.cert } satisfies Ready)
