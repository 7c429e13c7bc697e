import { readPieces, TemplateError, type Piece, type StatementPiece, type Token } from './template-tokens.ts'

/**
 * The part of Jinja that validation expressions are written in: `{{ value }}`, `{% if %} … {% elif %} … {% else %} …
 * {% endif %}`, and in both: literals, names, calls, subscripts, filters, `==`, `!=`, `not`, `and`, `or`, `a if b else c`.
 */
export type Node =
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'list'; items: Node[] }
  | { kind: 'name'; name: string }
  | { kind: 'member'; of: Node; key: Node }
  | { kind: 'call'; name: string; args: Node[]; named: Map<string, Node> }
  | { kind: 'equal'; left: Node; right: Node; negated: boolean }
  | { kind: 'not'; operand: Node }
  | { kind: 'and' | 'or'; left: Node; right: Node }
  | { kind: 'choice'; condition: Node; chosen: Node; otherwise: Node }
export type Call = Extract<Node, { kind: 'call' }>

export type Statement =
  | { kind: 'text'; text: string }
  | { kind: 'value'; value: Node }
  | { kind: 'if'; branches: { condition: Node; body: Statement[] }[]; otherwise: Statement[] }

/** Deep enough for any real template; deeper would only exhaust the stack. */
const maxDepth = 50

export function parseTemplate(template: string): Statement[] {
  const pieces = readPieces(template)
  const statements = parseStatements(pieces, 0)
  const left = pieces[0]
  if (left) throw new TemplateError(`\`${left.kind === 'statement' ? (left.tokens[0]?.text ?? '') : ''}\` has no \`if\` before it`)
  return statements
}

const keywordOf = (piece: Piece | undefined) => (piece?.kind === 'statement' ? piece.tokens[0]?.text : undefined)

/** Takes pieces from the front until one that belongs to the statement around them. */
function parseStatements(pieces: Piece[], depth: number): Statement[] {
  if (depth > maxDepth) throw new TemplateError(`\`if\` is nested more than ${maxDepth} deep`)
  const statements: Statement[] = []
  for (let piece = pieces[0]; piece; piece = pieces[0]) {
    if (piece.kind === 'text') statements.push(piece)
    else if (piece.kind === 'value') statements.push({ kind: 'value', value: parseExpression(piece.tokens) })
    else if (keywordOf(piece) === 'if') {
      statements.push(parseIf(pieces, depth))
      continue
    } else if (['elif', 'else', 'endif'].includes(keywordOf(piece) ?? '')) break
    else throw new TemplateError(`\`${keywordOf(piece) ?? ''}\` is not known; there is \`if\``)
    pieces.shift()
  }
  return statements
}

function parseIf(pieces: Piece[], depth: number): Statement {
  const branches: Extract<Statement, { kind: 'if' }>['branches'] = []
  let otherwise: Statement[] = []
  do {
    const { tokens } = pieces.shift() as StatementPiece
    branches.push({ condition: parseExpression(tokens.slice(1)), body: parseStatements(pieces, depth + 1) })
  } while (keywordOf(pieces[0]) === 'elif')
  if (keywordOf(pieces[0]) === 'else') {
    pieces.shift()
    otherwise = parseStatements(pieces, depth + 1)
  }
  if (keywordOf(pieces.shift()) !== 'endif') throw new TemplateError('`if` has no `endif`')
  return { kind: 'if', branches, otherwise }
}

/** Tokens that are taken one after the other. */
type Cursor = { tokens: Token[]; at: number; depth: number }

export function parseExpression(tokens: Token[]): Node {
  const cursor: Cursor = { tokens, at: 0, depth: 0 }
  const node = choice(cursor)
  const left = cursor.tokens[cursor.at]
  if (left) throw new TemplateError(`\`${left.text}\` was not expected`)
  return node
}

/** Whether the next token is this symbol or keyword; takes it if so. */
function take(cursor: Cursor, text: string): boolean {
  const token = cursor.tokens[cursor.at]
  const found = token?.text === text && token.kind !== 'string'
  if (found) cursor.at++
  return found
}

function demand(cursor: Cursor, text: string): void {
  if (!take(cursor, text)) throw new TemplateError(`\`${text}\` was expected${near(cursor)}`)
}

const near = ({ tokens, at }: Cursor): string => (tokens[at] ? ` before \`${tokens[at].text}\`` : ' at the end')

function choice(cursor: Cursor): Node {
  if (++cursor.depth > maxDepth) throw new TemplateError(`it is nested more than ${maxDepth} deep`)
  const chosen = disjunction(cursor)
  let node = chosen
  if (take(cursor, 'if')) {
    const condition = disjunction(cursor)
    node = { kind: 'choice', condition, chosen, otherwise: take(cursor, 'else') ? choice(cursor) : { kind: 'literal', value: '' } }
  }
  cursor.depth--
  return node
}

function disjunction(cursor: Cursor): Node {
  let left = conjunction(cursor)
  while (take(cursor, 'or')) left = { kind: 'or', left, right: conjunction(cursor) }
  return left
}

function conjunction(cursor: Cursor): Node {
  let left = negation(cursor)
  while (take(cursor, 'and')) left = { kind: 'and', left, right: negation(cursor) }
  return left
}

function negation(cursor: Cursor): Node {
  let negated = false
  while (take(cursor, 'not')) negated = !negated
  const operand = comparison(cursor)
  return negated ? { kind: 'not', operand } : operand
}

function comparison(cursor: Cursor): Node {
  const left = operand(cursor)
  for (const symbol of ['==', '!='])
    if (take(cursor, symbol)) return { kind: 'equal', left, right: operand(cursor), negated: symbol === '!=' }
  return left
}

/** A value and what follows it: subscripts, members and filters; a filter is a call whose first argument stands before it. */
function operand(cursor: Cursor): Node {
  let node = primary(cursor)
  for (;;) {
    if (take(cursor, '[')) {
      node = { kind: 'member', of: node, key: choice(cursor) }
      demand(cursor, ']')
    } else if (take(cursor, '.')) node = { kind: 'member', of: node, key: { kind: 'literal', value: nameAt(cursor) } }
    else if (take(cursor, '|')) {
      const name = nameAt(cursor)
      const { args, named } = take(cursor, '(') ? callArguments(cursor) : { args: [], named: new Map() }
      node = { kind: 'call', name: `|${name}`, args: [node, ...args], named }
    } else return node
  }
}

const constants: Record<string, boolean | null> = { true: true, True: true, false: false, False: false, none: null, None: null }

function primary(cursor: Cursor): Node {
  if (take(cursor, '(')) {
    const node = choice(cursor)
    demand(cursor, ')')
    return node
  }
  if (take(cursor, '[')) return { kind: 'list', items: sequence(cursor, ']') }
  const token = cursor.tokens[cursor.at]
  if (token?.kind === 'string' || token?.kind === 'number') {
    cursor.at++
    return { kind: 'literal', value: token.kind === 'number' ? Number(token.text) : token.text }
  }
  const name = nameAt(cursor)
  if (Object.hasOwn(constants, name)) return { kind: 'literal', value: constants[name] ?? null }
  return take(cursor, '(') ? { kind: 'call', name, ...callArguments(cursor) } : { kind: 'name', name }
}

function nameAt(cursor: Cursor): string {
  const token = cursor.tokens[cursor.at]
  if (token?.kind !== 'name') throw new TemplateError(`a value was expected${near(cursor)}`)
  cursor.at++
  return token.text
}

function sequence(cursor: Cursor, close: string): Node[] {
  const items: Node[] = []
  while (!take(cursor, close)) {
    items.push(choice(cursor))
    if (!take(cursor, ',') && cursor.tokens[cursor.at]?.text !== close) throw new TemplateError(`\`${close}\` was expected${near(cursor)}`)
  }
  return items
}

function callArguments(cursor: Cursor): Pick<Call, 'args' | 'named'> {
  const args: Node[] = []
  const named = new Map<string, Node>()
  while (!take(cursor, ')')) {
    const name = cursor.tokens[cursor.at]
    if (name?.kind === 'name' && cursor.tokens[cursor.at + 1]?.text === '=') {
      cursor.at += 2
      named.set(name.text, choice(cursor))
    } else args.push(choice(cursor))
    if (!take(cursor, ',') && cursor.tokens[cursor.at]?.text !== ')') throw new TemplateError(`\`)\` was expected${near(cursor)}`)
  }
  return { args, named }
}
