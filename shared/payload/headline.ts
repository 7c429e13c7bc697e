import type { Event } from '../contracts/event.ts'
import { splitType } from './lifecycle.ts'
import type { Outcome } from './outcome.ts'
import { payloadRecord } from './recognise.ts'
import { asWords, capitalised, cleaned, clip, clipStart, isolated } from './text.ts'

/**
 * One sentence: `john.doe updated table sales.orders`, `Test case row_count failed`, `Build nightly completed`. Words
 * that end in -ed are taken for what somebody did, any other stands after a colon: `Company 7: property change`.
 */
export const longestHeadline = 300
const longestName = 120

/** Somebody does these to an object; the others happen to it. */
const done = /^(soft |hard )?(created?|updated?|deleted?|archived?|restored?|added|removed|changed|renamed|modified|committed|commit)$/
const participle: Record<string, string> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
  archive: 'archived',
  restore: 'restored',
  commit: 'committed',
  execute: 'executed',
}

/** These leave open how it went, so that the outcome is said instead. */
const open = new Set(['updated', 'completed', 'complete', 'finished', 'done', 'executed', 'run', 'ran', 'ended'])

/** A verdict as what happened. */
const spoken: Record<string, string> = {
  success: 'succeeded',
  successful: 'succeeded',
  ok: 'succeeded',
  failure: 'failed',
  fail: 'failed',
  error: 'failed',
  pass: 'passed',
}

export function headlineOf(event: Event, outcome: Outcome | undefined): string {
  const { verb } = splitType(event.type)
  const given = asWords(verb).toLowerCase()
  const happened = participle[given] ?? given
  const verdict = outcome && asWords(outcome.word).toLowerCase()
  const said = verdict && open.has(happened) ? (spoken[verdict] ?? verdict) : happened
  const object = objectOf(event)
  const actor = event.actor === undefined ? '' : clip(cleaned(event.actor), 60)
  return clip(sentence({ object, actor: actor && isolated(actor), said, isDeed: done.test(said) }), longestHeadline)
}

function sentence({ object, actor, said, isDeed }: { object: string; actor: string; said: string; isDeed: boolean }): string {
  if (object === '') return capitalised(said) || 'Event'
  if (isDeed && actor) return `${actor} ${said} ${object}`
  if (/ed$|^(sent|run|ran|done|ok|built|lost|down|up)$/.test(said)) return `${capitalised(object)} ${said}`
  return said ? `${capitalised(object)}: ${said}` : capitalised(object)
}

/** Kind and name; the kind from the type when the event names no entity. */
export function objectOf(event: Event): string {
  const { entity, subject } = event
  const kind = asWords(cleaned(entity?.type ?? splitType(event.type).stem))
  const name = cleaned(entity?.name ?? entity?.id ?? subject ?? nameInData(event))
  // Foundry's objects are named `Employee/50030`
  const isNamed = entity !== undefined && name.toLowerCase().startsWith(`${entity.type.toLowerCase()}/`)
  return [isNamed ? '' : clip(kind, 80), isolated(clipStart(name, longestName))].filter(Boolean).join(' ')
}

function nameInData(event: Event): string {
  const data = payloadRecord(event) ?? {}
  const found: unknown[] = ['displayName', 'name', 'title', 'identifier', 'id', 'buildRid', 'datasetRid'].map((member) => data[member])
  return found.find((value): value is string => typeof value === 'string' && value !== '') ?? ''
}
