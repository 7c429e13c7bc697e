import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { equalText } from '../../../shared/signing/mac.ts'
import { parseTemplate, type Call, type Node, type Statement } from './template-parser.ts'
import { templateFunctions, type CallScope, type Value } from './template-functions.ts'
import { TemplateError } from './template-tokens.ts'

/**
 * Sesam's `validation_expression`: a template that is rendered for each request. Rendered empty, the request is
 * accepted; anything else refuses it, and is the text of the refusal. Nothing is evaluated as code: the template is
 * parsed once, names and functions are those of a table, and comparisons take constant time.
 */
export type ValidationInput = {
  /** Names in lower case; the template may write them in any case. */
  headers: Record<string, string | undefined>
  body: Uint8Array
  secret(name: string): string | undefined
  url: string
  /** Parameters of the query. */
  params: Record<string, string | undefined>
  now: number
}
export type ValidationResult = { accepted: true } | { accepted: false; text: string }

/** @throws TemplateError, with words for whoever wrote the expression */
export function compileValidation(template: string): (input: ValidationInput) => ValidationResult {
  // Jinja drops a line's end at the end of a template
  const statements = parseTemplate(template.replace(/\r?\n$/, ''))
  for (const node of expressionsOf(statements)) check(node)
  return (input) => {
    let distrusted: string | undefined
    const scope: Scope = { ...input, distrust: (reason) => (distrusted ??= reason) }
    const text = render(statements, scope)
    // an absent secret never verifies, not even by a template that compares nothing
    if (text === '' && distrusted === undefined) return { accepted: true }
    return { accepted: false, text: text === '' ? (distrusted as string) : text }
  }
}

/** For a source's settings: refused with what is wrong when the source is registered. */
export const ValidationExpression = z
  .string()
  .min(1)
  .max(5000)
  .superRefine((template, context) => {
    try {
      compileValidation(template)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  })
  .describe(
    "A template over `request_headers`, `request_body`, `request_params`, `url` and `secret('name')`; rendered empty, the request is accepted.",
  )

type Scope = ValidationInput & CallScope

const names: Record<string, (scope: Scope) => Value> = {
  request_headers: ({ headers }) => headers,
  request_body: ({ body }) => body,
  request_params: ({ params }) => params,
  url: ({ url }) => url,
}

const expressionsOf = (statements: Statement[]): Node[] =>
  statements.flatMap((statement) => {
    if (statement.kind === 'text') return []
    if (statement.kind === 'value') return [statement.value]
    const { branches, otherwise } = statement
    return [...branches.flatMap(({ condition, body }) => [condition, ...expressionsOf(body)]), ...expressionsOf(otherwise)]
  })

const partsOf = (node: Node): Node[] => {
  if (node.kind === 'call') return [...node.args, ...node.named.values()]
  if (node.kind === 'list') return node.items
  if (node.kind === 'member') return [node.of, node.key]
  if (node.kind === 'not') return [node.operand]
  if (node.kind === 'choice') return [node.condition, node.chosen, node.otherwise]
  return node.kind === 'equal' || node.kind === 'and' || node.kind === 'or' ? [node.left, node.right] : []
}

function check(node: Node): void {
  if (node.kind === 'name' && !Object.hasOwn(names, node.name))
    throw new TemplateError(`\`${node.name}\` is not known; there are ${Object.keys(names).join(', ')}`)
  if (node.kind === 'call') checkCall(node)
  for (const part of partsOf(node)) check(part)
}

function checkCall({ name, args, named }: Call): void {
  const shown = name.replace('|', 'the filter ')
  const found = Object.hasOwn(templateFunctions, name) ? templateFunctions[name] : undefined
  if (!found) throw new TemplateError(`${shown} is not known; there are ${Object.keys(templateFunctions).join(', ')}`)
  const [least, most] = found.arity
  if (args.length < least || args.length > most) throw new TemplateError(`${shown} has ${args.length} arguments, not ${least} to ${most}`)
  for (const key of named.keys()) if (!found.named?.includes(key)) throw new TemplateError(`${shown} has no argument \`${key}\``)
}

const render = (statements: Statement[], scope: Scope): string =>
  statements
    .map((statement) => {
      if (statement.kind === 'text') return statement.text
      if (statement.kind === 'value') return textOf(evaluate(statement.value, scope))
      const branch = statement.branches.find(({ condition }) => isTrue(evaluate(condition, scope)))
      return render(branch?.body ?? statement.otherwise, scope)
    })
    .join('')

function evaluate(node: Node, scope: Scope): Value {
  if (node.kind === 'literal') return node.value
  if (node.kind === 'list') return node.items.map((item) => evaluate(item, scope))
  if (node.kind === 'name') return names[node.name]?.(scope)
  if (node.kind === 'member') return memberOf(evaluate(node.of, scope), evaluate(node.key, scope), node.of)
  if (node.kind === 'not') return !isTrue(evaluate(node.operand, scope))
  if (node.kind === 'choice') return evaluate(isTrue(evaluate(node.condition, scope)) ? node.chosen : node.otherwise, scope)
  if (node.kind === 'equal') return isEqual(evaluate(node.left, scope), evaluate(node.right, scope)) !== node.negated
  if (node.kind === 'call') {
    const named = new Map([...node.named].map(([name, value]) => [name, evaluate(value, scope)]))
    return templateFunctions[node.name]?.call(
      node.args.map((argument) => evaluate(argument, scope)),
      named,
      scope,
    )
  }
  const left = evaluate(node.left, scope)
  return isTrue(left) === (node.kind === 'and') ? evaluate(node.right, scope) : left
}

/** Header names have no case (RFC 9110 §5.1): seeds write `X-Shopify-Hmac-SHA256`, Shopify sends `-Sha256`. */
function memberOf(value: Value, key: Value, of: Node): Value {
  const name = of.kind === 'name' && of.name === 'request_headers' && typeof key === 'string' ? key.toLowerCase() : key
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined
  if (Array.isArray(value)) return typeof name === 'number' ? value[name] : undefined
  return typeof name === 'string' && Object.hasOwn(value, name) ? (value[name] as Value) : undefined
}

/** What is not there equals nothing, not even what else is not there. */
function isEqual(left: Value, right: Value): boolean {
  if (left === undefined || right === undefined) return false
  if (typeof left === 'string' && typeof right === 'string') return equalText(left, right)
  if (left instanceof Uint8Array && right instanceof Uint8Array) return left.length === right.length && timingSafeEqual(left, right)
  return typeof left !== 'object' && left === right
}

function isTrue(value: Value): boolean {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length > 0
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value)
}

/** As Python writes values. */
function textOf(value: Value): string {
  if (value === undefined) return ''
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
