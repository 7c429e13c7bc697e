import { readFile } from 'node:fs/promises'
import { misused } from './fail.ts'
import { readJson } from './where.ts'

export type EventFlags = {
  type?: string
  id?: string
  time?: string
  subject?: string
  actor?: string
  entity?: string
  entityType: string
  entityId?: string
  domain?: string
  data?: string
}

/** The event that flags describe; what is wrong with it, Tidings says. */
export async function eventFrom(flags: EventFlags): Promise<Record<string, unknown>> {
  const { type, id, time, subject, actor, entity: name, entityType, entityId, domain, data } = flags
  const entity = { type: entityType, ...defined({ id: entityId, name, domain }) }
  const text = data?.startsWith('@') ? await readFile(data.slice(1), 'utf8').catch((error: Error) => refuse(data, error)) : data
  return {
    ...defined({ id, type, time, subject, actor }),
    ...(Object.keys(entity).length > 1 && { entity }),
    ...(text !== undefined && { data: readJson(text, '--data') }),
  }
}

const refuse = (data: string, error: Error): never => {
  throw misused(`--data ${data}: ${error.message}`)
}
const defined = (members: Record<string, string | undefined>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** As many as one request takes without being large. */
const eventsPerRequest = 500

export type Body = { contentType: string; body: string }

/**
 * The requests that a text makes: a JSON value as it stands, byte for byte, since numbers beyond 2^53 would lose digits; or one
 * event a line, put together into arrays. CloudEvents are told by their `specversion`.
 */
export function bodiesOf(text: string): Body[] {
  const whole = parse(text)
  if (whole !== undefined) return [{ contentType: contentTypeOf(whole), body: text }]
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length < 2) throw misused(`this is not JSON: ${text.slice(0, 80)}`)
  const events = lines.map((line, i) => {
    const value = parse(line)
    if (value === undefined || Array.isArray(value)) throw misused(`line ${i + 1} is no JSON object: ${line.slice(0, 80)}`)
    return value
  })
  const bodies: Body[] = []
  for (let at = 0; at < lines.length; at += eventsPerRequest) {
    const some = events.slice(at, at + eventsPerRequest)
    bodies.push({ contentType: contentTypeOf(some), body: `[${lines.slice(at, at + eventsPerRequest).join(',')}]` })
  }
  return bodies
}

const isCloudEvent = (value: unknown) => typeof value === 'object' && value !== null && 'specversion' in value

function contentTypeOf(value: object): string {
  if (Array.isArray(value)) return value.length > 0 && value.every(isCloudEvent) ? 'application/cloudevents-batch+json' : 'application/json'
  return isCloudEvent(value) ? 'application/cloudevents+json' : 'application/json'
}

/** @returns undefined where it is no JSON object or array */
function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
