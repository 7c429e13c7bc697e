import type { Ledger } from './account.ts'
import type { Api } from './api.ts'
import { loggedOf, mapFew, ofWebhooks, readDeliveries, readEvent } from './log.ts'
import type { Played } from './play.ts'
import type { Receiver } from './receiver.ts'
import type { Registered } from './register.ts'
import type { Told } from './voice.ts'

type Books = { api: Api; played: Played; receivers: Receiver[]; registered: Registered; own: boolean }

/** Brings both sides together. In a Tidings that others use too, what is not ours is left out on both. */
export async function readLedger({ api, played, receivers, registered, own }: Books): Promise<Ledger> {
  const { labels, sources } = registered
  const rows = await readDeliveries(api, ofWebhooks(labels.keys()))
  const sourceOf = new Map(rows.map(({ event_id, source }) => [event_id, source]))
  const named = new Set(played.accepted.map(({ id }) => id))
  const strangers = [...sourceOf.keys()].filter((id) => !named.has(id))
  const ours = own ? strangers : strangers.filter((id) => sources.some(({ name }) => name === sourceOf.get(id)))
  const { found, lost, invented } = await findUnnamed(ours, played.unnamed, api)

  const accepted = [...played.accepted, ...found]
  const known = new Set([...accepted.map(({ id }) => id), ...invented])
  const foreign = new Set(own ? [] : strangers.filter((id) => !known.has(id)))
  const withoutDelivery = accepted.map(({ id }) => id).filter((id) => !sourceOf.has(id))
  const events = await mapFew(withoutDelivery, (id) => readEvent(api, id))
  return {
    accepted: accepted.map(({ id, told }) => ({ id, type: told.type, wantedBy: wantedBy(told, receivers) })),
    lost,
    invented,
    refused: played.refused,
    takenTwice: played.takenTwice,
    deliveries: rows.filter(({ event_id }) => !foreign.has(event_id)).map((row) => loggedOf(row, labels.get(row.webhook_id) as string)),
    matchedNothing: withoutDelivery.filter((_, index) => events[index]?.matched === 0),
    receipts: receivers.flatMap(({ receipts }) => receipts).filter(({ eventId }) => eventId === undefined || !foreign.has(eventId)),
  }
}

export const wantedBy = (told: Told, receivers: Receiver[]): string[] =>
  receivers.filter(({ plan }) => plan.wants(told)).map(({ plan }) => plan.label)

/** Events that were accepted without an id are told by what they say; two that say the same are as good as each other. */
async function findUnnamed(ids: string[], unnamed: Told[], api: Api) {
  const missing = new Map<string, Told[]>()
  for (const told of unnamed) missing.set(fingerprint(told), [...(missing.get(fingerprint(told)) ?? []), told])
  const found: Played['accepted'] = []
  const invented: string[] = []
  const events = await mapFew(ids, (id) => readEvent(api, id))
  for (const [index, id] of ids.entries()) {
    const event = events[index]
    const told = event && missing.get(fingerprint({ ...event, entity: event.entity ?? undefined }))?.pop()
    if (told) found.push({ id, told })
    else invented.push(id)
  }
  return { found, invented, lost: [...missing.values()].flat().map(({ type, entity }) => `${type} ${entity?.name ?? ''}`) }
}

const fingerprint = ({ type, source, entity }: Told): string =>
  JSON.stringify([type, source, entity?.type, entity?.id, entity?.name, entity?.domain, entity?.owners, entity?.tags])
