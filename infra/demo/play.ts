import { setTimeout as wait } from 'node:timers/promises'
import type { Registry } from '../../shared/registry.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import { detailOf, type Api } from './api.ts'
import { dayMs } from './day.ts'
import type { Post, SourcePlan } from './posts.ts'
import type { Told } from './voice.ts'

/** A source that has been registered: with what its requests are signed. */
export type OpenSource = SourcePlan & { secret?: string }

/** What the catalogs were answered. Grows while the day is played. */
export type Played = {
  /** Events answered with 202 and an id. */
  accepted: { id: string; told: Told }[]
  /** Accepted by an answer that names no id, as some systems expect it: to be found in the log. */
  unnamed: Told[]
  /** Requests that were not accepted, and why. */
  refused: string[]
  /** Requests sent twice. */
  repeated: number
  /** Events that were taken a second time when they were sent twice. */
  takenTwice: string[]
}

export const nothingPlayed = (): Played => ({ accepted: [], unnamed: [], refused: [], repeated: 0, takenTwice: [] })
export const countAccepted = ({ accepted, unnamed }: Played): number => accepted.length + unnamed.length

/** Requests under way at once; a catalog that hurries waits for its answers all the same. */
const underWay = 24

export type Stage = { api: Api; sources: OpenSource[]; schemes: Registry<Scheme>; at(): number; lengthMs: number; signal: AbortSignal }

/** Makes each request when its time comes. */
export async function play(posts: Post[], played: Played, stage: Stage): Promise<void> {
  const waiting = [...posts]
  const worker = async () => {
    for (let post = waiting.shift(); post; post = waiting.shift()) {
      const early = ((post.at - stage.at()) / dayMs) * stage.lengthMs
      if (early > 0) await wait(early, undefined, { signal: stage.signal })
      await make(post, played, stage)
    }
  }
  await Promise.all(Array.from({ length: underWay }, worker))
}

async function make(post: Post, played: Played, stage: Stage): Promise<void> {
  // signed once: what is sent again is the same request, as when an answer was lost on its way
  const signature = sign(post, stage)
  const first = await send(post, signature, stage.api)
  if (first.refusal !== undefined) return void played.refused.push(`${post.path}: ${first.refusal}`)
  if (first.events) played.accepted.push(...first.events.map(({ id }, index) => ({ id, told: post.told[index] as Told })))
  else played.unnamed.push(...post.told)
  if (!post.again) return
  played.repeated++
  const second = await send(post, signature, stage.api)
  if (second.refusal !== undefined) played.refused.push(`${post.path}, sent again: ${second.refusal}`)
  for (const [index, { id, duplicate }] of (second.events ?? []).entries()) {
    if (!duplicate || id !== first.events?.[index]?.id) played.takenTwice.push(id)
  }
}

type Headers = Record<string, string>

function sign({ source, path, headers, body }: Post, { api, sources, schemes }: Stage): Headers | undefined {
  const { scheme: name, secret, scheme_params } = sources.find((one) => one.name === source) ?? {}
  if (!name || !secret) return undefined
  const scheme = schemes.get(name)
  const params = scheme.params?.parse(scheme_params ?? {})
  const request = { method: 'POST', url: api.url + path, ...(params && { params }) }
  return scheme.sign({ id: headers['webhook-id'] ?? '', now: Date.now(), body: Buffer.from(body), secrets: [secret], ...request })
}

type Sent = { events?: { id: string; duplicate: boolean }[]; refusal?: string }

async function send({ path, headers, body, told }: Post, signature: Headers | undefined, api: Api): Promise<Sent> {
  const answered = await api.post(path, { ...headers, ...signature }, body, signature !== undefined)
  if (answered.status < 200 || answered.status > 299) return { refusal: `answered ${answered.status}, ${detailOf(answered.body)}` }
  const { events } = answered.body as Sent
  if (events && events.length !== told.length) return { refusal: `${told.length} events were sent and ${events.length} answered` }
  return events ? { events } : {}
}
