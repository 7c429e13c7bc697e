import { Redis } from 'ioredis'
import { redisOptions } from '../../../shared/redis.ts'

/** The floor's queue and stream lie beside bare's, which is the same worker without a log. */
export const floorPrefix = '{floor}'
export const toldKey = `${floorPrefix}:told`

/** What the log is told of one request: when it began, and how it ended. */
export type Told = { kind: 'started' | 'finished'; id: string; webhook: number; at: number; [more: string]: unknown }

/** Tells the stream, all of one turn of the event loop in one entry. */
export function teller(redisUrl: string): (told: Told) => void {
  const redis = new Redis(redisOptions(redisUrl))
  let gathered: Told[] = []
  const send = () => {
    const all = gathered
    gathered = []
    void redis.xadd(toldKey, '*', 'told', JSON.stringify(all))
  }
  return (told) => {
    if (gathered.push(told) === 1) setImmediate(send)
  }
}
