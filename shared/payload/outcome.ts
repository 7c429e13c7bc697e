import type { Event } from '../contracts/event.ts'
import { isRecord } from './json-raw.ts'
import { splitType } from './lifecycle.ts'
import { payloadRecord, type Json } from './recognise.ts'

/**
 * Whether an event tells of something that went wrong or well: what a chat message says in its headline, and what
 * opens or closes an incident. The type's last word decides when it is clear (`test.failed`); a vague one (`updated`,
 * `completed`) leaves it to the status that the change or the data carries, as in OpenMetadata's `testCaseResult`,
 * Foundry's `buildStatus` and Opteryx's `error`.
 */
export type Outcome = { mood: 'bad' | 'stopped' | 'good'; word: string }

const moods: Record<Outcome['mood'], string> = {
  bad:
    'failed failure fail failing error errored broken breached critical timeout timedout unhealthy down firing alerting crashed ' +
    'unreachable violated rejected',
  stopped: 'aborted cancelled canceled stopped skipped interrupted warning degraded',
  good: 'succeeded success successful passed pass passing ok recovered resolved fixed healthy up completed complete finished done',
}
const moodOf = new Map(Object.entries(moods).flatMap(([mood, all]) => all.split(' ').map((word) => [word, mood as Outcome['mood']])))

/** Words that say that something ended, and not how. */
const vague = new Set(['completed', 'complete', 'finished', 'done'])

const plain = (word: string) => word.toLowerCase().replace(/[^a-z]/g, '')

function outcomeOf(word: unknown): Outcome | undefined {
  const mood = typeof word === 'string' && word.length <= 40 ? moodOf.get(plain(word)) : undefined
  return mood && { mood, word: word as string }
}

const members = ['testCaseStatus', 'buildStatus', 'executionStatus', 'status', 'state', 'outcome', 'result', 'conclusion']
const fields = new Set([...members, 'testCaseResult', 'pipelineStatus'])

function inRecord(record: Json): Outcome | undefined {
  for (const member of members) {
    const value = record[member]
    const found = outcomeOf(value) ?? (isRecord(value) ? outcomeOf(value.status ?? value.state) : undefined)
    if (found) return found
  }
  if (record.success === false || record.passed === false) return { mood: 'bad', word: 'failed' }
  if (record.success === true || record.passed === true) return { mood: 'good', word: 'succeeded' }
  const { error } = record
  return (typeof error === 'string' && error !== '') || isRecord(error) ? { mood: 'bad', word: 'failed' } : undefined
}

function inChange({ change }: Event): Outcome | undefined {
  for (const { name, new_value: value } of [...(change?.updated ?? []), ...(change?.added ?? [])]) {
    if (!fields.has(name.slice(name.lastIndexOf('.') + 1))) continue
    const found = isRecord(value) ? inRecord(value) : outcomeOf(value)
    if (found) return found
  }
  return undefined
}

export function readOutcome(event: Event): Outcome | undefined {
  const { verb } = splitType(event.type)
  const said = outcomeOf(verb)
  if (said && !vague.has(plain(verb))) return said
  return inChange(event) ?? inRecord(payloadRecord(event) ?? {}) ?? said
}
