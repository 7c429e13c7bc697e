import { isRecord } from './json-raw.ts'
import { cleaned, clip } from './text.ts'

/**
 * A value of a changed field as a person would write it: names instead of references, words instead of JSON. The
 * members looked for are those that catalogs name things by.
 */
const naming = ['tagFQN', 'displayName', 'name', 'fullyQualifiedName', 'title', 'label', 'identifier', 'id'] as const
const deepest = 3
const mostItems = 12
const longestText = 4_000

export const nothing = 'none'

export function valueText(value: unknown, max: number): string {
  return clip(cleaned(written(unwrap(value), 0)), max) || nothing
}

/** OpenMetadata puts lists and objects into strings. */
function unwrap(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value) || value.length > 100_000) return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

function written(value: unknown, depth: number): string {
  if (value === null || value === undefined || value === '') return nothing
  if (typeof value === 'string') return value.slice(0, longestText)
  if (Array.isArray(value)) return listed(value, depth)
  return isRecord(value) ? described(value, depth) : JSON.stringify(value)
}

function listed(values: unknown[], depth: number): string {
  if (values.length === 0) return nothing
  if (depth >= deepest) return `${values.length} items`
  const shown = values.slice(0, mostItems).map((value) => written(value, depth + 1))
  return [...shown, ...(values.length > mostItems ? [`${values.length - mostItems} more`] : [])].join(', ')
}

function described(value: Record<string, unknown>, depth: number): string {
  // the result of an OpenMetadata test case: verdict first, then why
  const { testCaseStatus, result } = value
  if (typeof testCaseStatus === 'string') return typeof result === 'string' && result ? `${testCaseStatus}: ${result}` : testCaseStatus
  for (const member of naming) {
    const name = value[member]
    if (typeof name === 'string' && name !== '')
      return member === 'name' && typeof value.dataType === 'string' ? `${name} (${value.dataType})` : name
  }
  const members = Object.entries(value)
  if (members.length === 0) return nothing
  if (depth >= deepest) return `${members.length} members`
  const shown = members.slice(0, mostItems).map(([name, member]) => `${name}: ${written(member, depth + 1)}`)
  return [...shown, ...(members.length > mostItems ? [`${members.length - mostItems} more`] : [])].join(', ')
}
