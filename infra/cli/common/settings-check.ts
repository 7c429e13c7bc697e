import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { dispatcherSettings } from '../../../services/dispatcher/settings.ts'
import { ingestSettings } from '../../../services/ingest/settings.ts'
import { statusSettings } from '../../../services/status/settings.ts'
import { variableName } from '../../../shared/settings.ts'
import { standaloneSettings } from '../../settings.ts'
import type { Env } from './io.ts'

export type Finding = {
  variable: string
  state: 'wrong' | 'missing' | 'unknown'
  problem: string
  /** What the variable is for. */
  meaning: string
  read_by: string[]
}

const schemas = { start: standaloneSettings, ingest: ingestSettings, dispatcher: dispatcherSettings, status: statusSettings } as const
export type ProcessName = keyof typeof schemas
export const processes = Object.keys(schemas) as ProcessName[]
export const isProcess = (name: string): name is ProcessName => name in schemas
const services = ['ingest', 'dispatcher', 'status'] as const
const titleOf = (name: ProcessName) => (name === 'start' ? 'npm start' : name)

/** `npm start` finds these itself where they are not given, and keeps its port from the services. */
const found: Env = { REDIS_URL: 'redis://found', DATABASE_URL: 'sqlite:found', MASTER_KEY: Buffer.alloc(32).toString('base64') }

/** Each variable once, with all who read it. */
export function checkSettings(names: ProcessName[], env: Env): Finding[] {
  const all = names.flatMap((name) => (name === 'start' ? ['start' as const, ...services] : [name]))
  const findings = new Map<string, Finding>()
  for (const name of new Set(all)) {
    const handed = names.includes(name) ? env : handOn(env)
    for (const finding of checkOne(schemas[name], handed)) {
      const known = findings.get(finding.variable)
      if (known) known.read_by.push(titleOf(name))
      else findings.set(finding.variable, { ...finding, read_by: [titleOf(name)] })
    }
  }
  return [...findings.values()]
}

function handOn({ PORT: _port, PORT_FILE: _portFile, HOST: _host, HOST_FILE: _hostFile, ...env }: Env): Env {
  const given = (name: string) => Boolean(env[name] ?? env[`${name}_FILE`])
  return { ...env, ...Object.fromEntries(Object.entries(found).filter(([name]) => !given(name))) }
}

type Bare = Omit<Finding, 'read_by'>

/** As `readSettings` does it, with each mistake by itself and no value in any of them. */
function checkOne(schema: z.ZodObject, env: Env): Bare[] {
  return Object.entries(schema.shape).flatMap(([key, field]): Bare[] => {
    const variable = variableName(key)
    const meaning = (field as z.ZodType).description ?? ''
    const read = valueOf(variable, env)
    if (read instanceof Error)
      return [{ variable: `${variable}_FILE`, state: 'wrong', problem: `the file cannot be read (${read.message})`, meaning }]
    const parsed = (field as z.ZodType).safeParse(read)
    if (parsed.success) return []
    if (read === undefined) return [{ variable, state: 'missing', problem: 'is missing', meaning }]
    return [{ variable, state: 'wrong', problem: parsed.error.issues.map(inWords).join('; '), meaning }]
  })
}

/** Of a text that is no number, zod tells what became of it and not what it should have been. */
const inWords = ({ message }: { message: string }) => (message.includes('received NaN') ? 'must be a number' : message)

function valueOf(variable: string, env: Env): string | undefined | Error {
  const file = env[`${variable}_FILE`]
  try {
    const value = file ? readFileSync(file, 'utf8').trim() : env[variable]
    return value === '' ? undefined : value
  } catch (error) {
    return new Error((error as NodeJS.ErrnoException).code ?? 'unreadable')
  }
}

const settings = new Set(Object.values(schemas).flatMap((schema) => Object.keys(schema.shape).map(variableName)))
/** Of the command line, and of those who run us. */
const others = [
  'TIDINGS_URL',
  'TIDINGS_INGEST_URL',
  'TIDINGS_API_KEY',
  'TIDINGS_WEBHOOK_SECRET',
  'REDIS_SERVER_BIN',
  'NO_COLOR',
  'NODE_ENV',
  'NODE_OPTIONS',
  'PATH',
  'TZ',
]
const isKnown = (name: string) => [name, name.replace(/_FILE$/, '')].some((one) => settings.has(one) || others.includes(one))

/** Of a file every name that nobody reads; of the environment, which is full of others', what was meant for us. */
export function unknownVariables(inFile: string[], inEnvironment: string[]): Finding[] {
  const ofFile = inFile.filter((name) => !isKnown(name))
  const misspelt = inEnvironment.filter((name) => !isKnown(name) && !ofFile.includes(name) && nearest(name) !== undefined)
  return [...ofFile, ...misspelt].map((variable) => {
    const meant = nearest(variable)
    return { variable, state: 'unknown', problem: `nothing reads it${meant ? `; is ${meant} meant?` : ''}`, meaning: '', read_by: [] }
  })
}

function nearest(name: string): string | undefined {
  if (name.length < 5) return undefined
  const own = name.replace(/_FILE$/, '')
  return [...settings].find((known) => known.length >= 5 && distance(own, known) <= (known.length > 8 ? 2 : 1))
}

/** How many letters differ, are missing or stand in each other's place. */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1)))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(at(i, j), at(i - 2, j - 2) + 1)
    }
  }
  return at(a.length, b.length)
}
