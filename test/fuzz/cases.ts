import type { Random } from '../../infra/demo/random.ts'
import { maybe } from './chance.ts'
import { hostileQuery, pickTrick } from './mutate-http.ts'
import { mutateBytes, mutateJson } from './mutate-json.ts'
import { written, type Parts } from './request.ts'
import type { Template } from './routes.ts'

/** One request of the fuzzer, and what may come of it. */
export type Case = {
  /** For the report: the trick, or what the body is. */
  kind: string
  route: string
  bytes: Buffer
  isHead: boolean
  /** A 2xx would be a way in. */
  refuse: boolean
  /** Need not be answered. */
  incomplete: boolean
  /** The bytes of its events, if it is accepted and what it writes is what was meant. */
  events?: Buffer[]
}

/** What is on the stage: records that are there, so that not every path is unknown. */
export type Stage = { key: string; ids: Record<string, string[]> }

export function createCase(template: Template, stage: Stage, random: Random, now: number): Case {
  const { body, kind, events } = bodyOf(template, random)
  const path = filled(template.path, stage, random)
  const signed = template.sign && maybe(random, 0.8) ? template.sign(body, now) : {}
  const parts: Parts = {
    method: template.method,
    target: path + hostileQuery(template.query, random),
    headers: Object.entries({
      Host: '127.0.0.1',
      ...template.headers,
      ...signed,
      ...(maybe(random, 0.5) && { Authorization: `Bearer ${stage.key}` }),
      ...((body.length > 0 || template.body !== undefined) && { 'Content-Length': String(body.length) }),
    }),
    body,
  }
  const trick = pickTrick(random)
  const bytes = trick ? trick.write(parts, random) : written(parts)
  return {
    kind: trick?.name ?? kind,
    route: `${template.method} ${template.path}`,
    bytes,
    isHead: bytes.toString('latin1', 0, 5) === 'HEAD ',
    refuse: trick?.refuse ?? false,
    incomplete: trick?.incomplete ?? false,
    ...(!trick && template.accepts && events && { events }),
  }
}

function bodyOf({ body: text, accepts, headers }: Template, random: Random): { body: Buffer; kind: string; events?: Buffer[] } {
  if (text === undefined) return { body: Buffer.alloc(0), kind: 'no body' }
  const one = () => Buffer.from(isJson(text) ? mutateJson(text, random) : text)
  if (maybe(random, 0.1)) return { body: mutateBytes(one(), random), kind: 'damaged bytes' }
  // several events in one body: joined here, so that where each begins and ends is known
  const isBinary = headers['ce-specversion'] !== undefined
  if (accepts && !isBinary && !text.trimStart().startsWith('[') && maybe(random, 0.15)) {
    const events = Array.from({ length: random.pick([0, 1, 2, 3, 20]) }, one)
    const gap = random.pick(['', ' ', '\n'])
    const joined = events.flatMap((event, i) => [Buffer.from(i === 0 ? gap : `${gap},${gap}`), event])
    return { body: Buffer.concat([Buffer.from('['), ...joined, Buffer.from(`${gap}]`)]), kind: 'several events', events }
  }
  const body = one()
  return { body, kind: 'mutated JSON', ...((isBinary || body[0] !== 0x5b) && { events: [body] }) }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const filled = (path: string, { ids, key }: Stage, random: Random): string =>
  path.replace('{key}', key).replace(/\{(\w+)\}/g, (_, name: string) => {
    const known = ids[`${path.split('/')[1]}.${name}`] ?? ids[path.split('/')[1] as string] ?? []
    return known.length > 0 && maybe(random, 0.9) ? random.pick(known) : random.pick(['unknown', '%20', 'a'.repeat(300), '0'])
  })
