import { createHash } from 'node:crypto'
import type { Event } from '../contracts/event.ts'
import { splitType } from './lifecycle.ts'
import { cleaned } from './text.ts'

const longest = 255

/**
 * What an event is about, the same for the failure and for the recovery: the entity, else the subject, else the type
 * without its last word, within the source. At most 255 characters, as PagerDuty wants it; a longer one ends in a hash.
 */
export function dedupKey({ entity, subject, type, source }: Event): string {
  const about = entity ? [entity.type, entity.id ?? entity.name ?? subject ?? ''] : [splitType(type).stem || type, subject ?? '']
  const whole = [source, ...about].filter(Boolean).join('/')
  const key = cleaned(whole)
  if (key === whole && key.length <= longest) return key
  return `${cleaned(key.slice(0, longest - 66))}-${createHash('sha256').update(whole).digest('hex')}`
}
