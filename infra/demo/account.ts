import type { DeliveryState } from '../../shared/contracts/delivery.ts'
import type { Receipt } from './receiver.ts'

/** A delivery as the log has it. */
export type LoggedDelivery = {
  id: string
  receiver: string
  eventId: string
  status: DeliveryState
  attempts: number
  generation: number
  acceptedAt: number
  deliveredAt: number | null
}

/** Both sides of the books: what went in and came out as we saw it, and what the log says. */
export type Ledger = {
  accepted: { id: string; type: string; wantedBy: string[] }[]
  /** Events accepted by an answer without an id, of which the log has no trace. */
  lost: string[]
  /** Events of our sources in the log that nobody sent. */
  invented: string[]
  refused: string[]
  takenTwice: string[]
  deliveries: LoggedDelivery[]
  /** Accepted events of which the log says that no webhook wanted them. */
  matchedNothing: string[]
  receipts: Receipt[]
}

export type Check = { check: string; ok: boolean; wrong: number; examples: string[] }

const final: DeliveryState[] = ['succeeded', 'failed', 'cancelled']
type Pair = { eventId: string | undefined; receiver: string }
const pair = ({ eventId, receiver }: Pair) => `${eventId ?? 'unknown event'} → ${receiver}`
const isSuccess = ({ status }: Receipt) => status !== null && status >= 200 && status < 300

/** Holds one side of the ledger against the other. Pure; each check names what is wrong with it. */
export function account(ledger: Ledger): Check[] {
  const { accepted, deliveries, receipts } = ledger
  const expected = new Set(accepted.flatMap(({ id, wantedBy }) => wantedBy.map((receiver) => pair({ eventId: id, receiver }))))
  const logged = new Map(deliveries.map((delivery) => [pair(delivery), delivery]))
  const inLog = new Set([...deliveries.map(({ eventId }) => eventId), ...ledger.matchedNothing])
  const notInLog = accepted.map(({ id }) => id).filter((id) => !inLog.has(id))
  const open = deliveries.filter(({ status }) => !final.includes(status))
  const failed = deliveries.filter(({ status }) => status === 'failed')
  const taken = receipts.filter(isSuccess).map(pair)
  const succeeded = deliveries.filter(({ status }) => status === 'succeeded').map(pair)
  const typeOf = new Map<string | undefined, string>(accepted.map(({ id, type }) => [id, type]))
  const garbled = receipts.filter(({ eventId, type }) => typeOf.has(eventId) && typeOf.get(eventId) !== type)

  return [
    check('every request of the catalogs was accepted', ledger.refused),
    check('what was sent twice was accepted once', ledger.takenTwice),
    check('every accepted event is in the log', [...ledger.lost, ...notInLog]),
    check('the log has no event that nobody sent', ledger.invented),
    check('every expected delivery is in the log', without(expected, logged)),
    check('every delivery is in a final state', open.map(describe)),
    check('what had failed was sent again and arrived', failed.map(describe)),
    check('the log has no delivery that nobody wanted', without(logged.keys(), expected)),
    check('nothing came to a receiver that should not have', without(receipts.map(pair), expected)),
    check('what the receivers took the log says succeeded', without(taken, new Set(succeeded))),
    check('what the log says succeeded the receivers took', without(succeeded, new Set(taken))),
    check('no request was made that the log does not have', unlogged(receipts, logged)),
    check('every signature is valid', receipts.filter(({ valid }) => !valid).map(pair)),
    check('every event came as what it was', garbled.map(pair)),
  ]
}

const check = (text: string, wrong: string[]): Check => ({
  check: text,
  ok: wrong.length === 0,
  wrong: wrong.length,
  examples: wrong.slice(0, 3),
})
const describe = ({ id, status }: LoggedDelivery) => `${id} is ${status}`
const without = (these: Iterable<string>, those: { has(key: string): boolean }): string[] => [...these].filter((key) => !those.has(key))

/** More requests than attempts: the log may know of one that never arrived, but never the other way round. */
function unlogged(receipts: Receipt[], logged: Map<string, LoggedDelivery>): string[] {
  const seen = new Map<string, number>()
  for (const key of receipts.map(pair)) seen.set(key, (seen.get(key) ?? 0) + 1)
  return [...seen].filter(([key, count]) => count > (logged.get(key)?.attempts ?? 0)).map(([key]) => key)
}
