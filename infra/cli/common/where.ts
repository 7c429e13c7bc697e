import type { Command } from 'commander'
import { z } from 'zod'
import { DeliveryState, Outcome } from '../../../shared/contracts/delivery.ts'
import { Filter } from '../../../shared/contracts/filter.ts'
import { EventTypePattern } from '../../../shared/contracts/subscription.ts'
import { misused } from './fail.ts'
import { momentOf } from './time.ts'

/** What the log can be searched by in a word each; everything else by `--filter`. */
export type Flags = {
  status?: string[]
  type?: string[]
  webhook?: string[]
  source?: string[]
  event?: string[]
  entity?: string
  entityType?: string[]
  outcome?: string[]
  text?: string
  since?: string
  until?: string
  filter?: string
}
export type Log = 'deliveries' | 'events'

const listOf = (value: string, before: string[] | undefined): string[] => [...(before ?? []), ...value.split(',').filter(Boolean)]

/** The same flags for every command that looks at the log. */
export function addWhere(command: Command): Command {
  return command
    .option('--status <list>', `where a delivery stands: ${DeliveryState.options.join(', ')}`, listOf)
    .option('--type <list>', "event type, or all below one: 'table.*'", listOf)
    .option('--webhook <list>', 'id or label of a webhook', listOf)
    .option('--source <list>', 'source of the event', listOf)
    .option('--event <list>', 'id of an event', listOf)
    .option('--entity <name>', 'text in the fully qualified name of the entity')
    .option('--entity-type <list>', 'type of the entity', listOf)
    .option('--outcome <list>', `what the last attempt led to: ${Outcome.options.join(', ')}`, listOf)
    .option('--text <text>', 'text anywhere in the event as it was received')
    .option('--since <time>', 'a time, or how long ago: 10m, 2h, 7d')
    .option('--until <time>', 'the same')
    .option('--filter <json>', 'a filter of the log API: {"field": "attempts", "op": "gt", "value": 3}')
}

/** What may still change of a row, so that asking by it once does not say whether it will hold. */
const moving = new Set([
  'status',
  'attempts',
  'generation',
  'updated_at',
  'delivered_at',
  'next_attempt_at',
  'last_attempt_at',
  'last_outcome',
  'last_status_code',
  'last_error',
  'reason',
  'response',
  'fanned_out_at',
  'matched',
])

export type Where = { /** Hold for good, or never. */ fixed: Filter[]; moving: Filter[] }

const fieldNames = {
  deliveries: { type: 'event_type', event: 'event_id', at: 'created_at' },
  events: { type: 'type', event: 'id', at: 'received_at' },
}

/** @param flags with webhooks by their ids */
export function whereOf(flags: Flags, log: Log, now: number): Where {
  const names = fieldNames[log]
  if (log === 'events' && (flags.status ?? flags.webhook ?? flags.outcome))
    throw misused('--status, --webhook and --outcome are of deliveries, and mean nothing for events')
  const conditions: (Filter | undefined)[] = [
    oneOf('status', checked(flags.status, '--status', DeliveryState.options)),
    flags.type && either(flags.type.map((pattern) => typeCondition(names.type, pattern))),
    oneOf('webhook_id', flags.webhook),
    oneOf('source', flags.source),
    oneOf(names.event, flags.event),
    flags.entity === undefined ? undefined : { field: 'entity_name', op: 'like', value: flags.entity },
    oneOf('entity_type', flags.entityType),
    oneOf('last_outcome', checked(flags.outcome, '--outcome', Outcome.options)),
    flags.text === undefined ? undefined : { field: 'payload', op: 'like', value: flags.text },
    flags.since === undefined ? undefined : { field: names.at, op: 'gte', value: momentOf(flags.since, '--since', now) },
    flags.until === undefined ? undefined : { field: names.at, op: 'lt', value: momentOf(flags.until, '--until', now) },
    flags.filter === undefined ? undefined : readFilter(flags.filter),
  ]
  const given = conditions.filter((condition) => condition !== undefined)
  return { fixed: given.filter((one) => !moves(one)), moving: given.filter(moves) }
}

export const both = (...filters: Filter[]): Filter | undefined => (filters.length > 1 ? { and: filters } : filters[0])
export const wholeOf = ({ fixed, moving: changing }: Where): Filter | undefined => both(...fixed, ...changing)

const either = (filters: Filter[]): Filter | undefined => (filters.length > 1 ? { or: filters } : filters[0])

function oneOf(field: string, values: string[] | undefined): Filter | undefined {
  if (!values) return undefined
  return values.length === 1 ? { field, op: 'eq', value: values[0] as string } : { field, op: 'in', value: values }
}

/** `table.*` as what begins with `table.`: the character after the full stop is the slash. */
function typeCondition(field: string, pattern: string): Filter {
  const parsed = EventTypePattern.safeParse(pattern)
  if (!parsed.success) throw misused(`--type ${pattern}: ${parsed.error.issues[0]?.message}`)
  if (pattern === '*') return { field, op: 'is_null', value: false }
  if (pattern.startsWith('*.'))
    throw misused(
      `--type ${pattern}: the log is searched by a whole type or by its beginning; --filter '{"field": "${field}", "op": "like", …}' looks inside`,
    )
  if (!pattern.endsWith('.*')) return { field, op: 'eq', value: pattern }
  const prefix = pattern.slice(0, -1)
  return {
    and: [
      { field, op: 'gte', value: prefix },
      { field, op: 'lt', value: `${prefix.slice(0, -1)}/` },
    ],
  }
}

function checked(values: string[] | undefined, flag: string, known: readonly string[]): string[] | undefined {
  const wrong = values?.find((value) => !known.includes(value))
  if (wrong !== undefined) throw misused(`${flag} ${wrong}: must be one of ${known.join(', ')}`)
  return values
}

export function readFilter(text: string): Filter {
  const parsed = Filter.safeParse(readJson(text, '--filter'))
  if (parsed.success) return parsed.data
  throw misused(`--filter: ${z.prettifyError(parsed.error)}`)
}

export function readJson(text: string, flag: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw misused(`${flag}: is not JSON (${(error as Error).message})`)
  }
}

const fieldsOf = (filter: Filter): string[] =>
  'field' in filter ? [filter.field] : ('and' in filter ? filter.and : filter.or).flatMap(fieldsOf)
const moves = (filter: Filter): boolean => fieldsOf(filter).some((field) => moving.has(field))
