import { z } from 'zod'
import { globMatches } from '../../../shared/match.ts'
import { isRecord } from '../json-slice.ts'

/**
 * Sesam's `subset`: an expression of its transform language that says which entities of a source are meant, for example
 * `["eq", ["matches", "company.*", ["list", "_S.subscriptionType"]], true]`. A text that begins with `_S.` is a path into
 * the entity, any other is itself. The functions are those of the table below, with the meaning of Sesam's reference.
 */
export type SubsetExpression = string | number | boolean | null | SubsetExpression[]
type Value = unknown
type SubsetFunction = { arity: [number, number]; call(args: Value[]): Value }

const listOf = (value: Value): Value[] => (Array.isArray(value) ? value : value === null || value === undefined ? [] : [value])

/** Both sides become lists and are compared as such, so that a single value equals a list of it alone. */
const isEqual = (left: Value, right: Value): boolean => isSame(listOf(left), listOf(right))

function isSame(left: Value, right: Value): boolean {
  if (Array.isArray(left) && Array.isArray(right)) return left.length === right.length && left.every((item, i) => isSame(item, right[i]))
  if (!isRecord(left) || !isRecord(right)) return left === right
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]))
}

/** True when there is a value and every one is a text that matches; `*` is any run, `?` one character, a dot is a dot. */
function matches(pattern: Value, values: Value): boolean {
  const all = listOf(values).flat()
  return typeof pattern === 'string' && all.length > 0 && all.every((value) => typeof value === 'string' && globMatches(pattern, value))
}

/** Values that are no integers are passed over; a single one comes back single. */
function integer(value: Value): Value {
  const integers = listOf(value).flatMap((item) => {
    if (typeof item === 'number') return Math.trunc(item)
    return typeof item === 'string' && /^[+-]?\d{1,15}$/.test(item) ? Number(item) : []
  })
  return Array.isArray(value) ? integers : (integers[0] ?? null)
}

const most = 100
const isTrue = (value: Value): boolean => value === true

const functions: Record<string, SubsetFunction> = {
  eq: { arity: [2, 2], call: ([left, right]) => isEqual(left, right) },
  neq: { arity: [2, 2], call: ([left, right]) => !isEqual(left, right) },
  and: { arity: [1, most], call: (args) => args.every(isTrue) },
  or: { arity: [1, most], call: (args) => args.some(isTrue) },
  not: { arity: [1, most], call: (args) => !args.every(isTrue) },
  matches: { arity: [2, 2], call: ([pattern, values]) => matches(pattern, values) },
  list: { arity: [0, most], call: (args) => args },
  if: { arity: [2, 3], call: ([condition, then, otherwise]) => (isTrue(condition) ? then : (otherwise ?? null)) },
  integer: { arity: [1, 1], call: ([value]) => integer(value) },
}

/** What a path leads to; through a list it leads into each of its elements. Null when there is nothing. */
export function pathValue(entity: Value, path: string): Value {
  return path.split('.').reduce<Value>((value, name) => {
    if (Array.isArray(value)) return value.flatMap((item) => (isRecord(item) && Object.hasOwn(item, name) ? [item[name]] : [])).flat()
    return isRecord(value) && Object.hasOwn(value, name) ? (value[name] ?? null) : null
  }, entity)
}

function evaluate(expression: SubsetExpression, entity: Value): Value {
  if (typeof expression === 'string') return expression.startsWith('_S.') ? pathValue(entity, expression.slice(3)) : expression
  if (!Array.isArray(expression)) return expression
  const [name, ...args] = expression
  return functions[name as string]?.call(args.map((argument) => evaluate(argument, entity)))
}

/** Whether an entity belongs to a subset: only what the expression says is true of. */
export const inSubset = (expression: SubsetExpression, entity: Record<string, unknown>): boolean => evaluate(expression, entity) === true

const maxDepth = 20

/** What is wrong with an expression, or undefined. */
function faultOf(expression: unknown, depth: number): string | undefined {
  if (depth > maxDepth) return `is nested more than ${maxDepth} deep`
  if (!Array.isArray(expression)) return isRecord(expression) ? 'must not hold an object' : undefined
  const [name, ...args] = expression as unknown[]
  if (typeof name !== 'string' || !Object.hasOwn(functions, name))
    return `${JSON.stringify(name) ?? 'nothing'} is not a function; there are ${Object.keys(functions).join(', ')}`
  const [least, highest] = functions[name]?.arity ?? [0, 0]
  if (args.length < least || args.length > highest) return `\`${name}\` has ${args.length} arguments, not ${least} to ${highest}`
  return args.map((argument) => faultOf(argument, depth + 1)).find((fault) => fault !== undefined)
}

/** For a source's settings: refused with what is wrong when the source is registered. */
export const Subset = z
  .custom<SubsetExpression[]>((value) => Array.isArray(value), 'must be an array that begins with the name of a function')
  .superRefine((expression, context) => {
    const fault = faultOf(expression, 0)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .describe('Which entities are taken: an expression of Sesam, for example `["eq", "_S.country", "NO"]`.')
