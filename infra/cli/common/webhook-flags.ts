import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { misused } from './fail.ts'

export type Settings = {
  label?: string
  format?: string
  scheme?: string
  header?: string[]
  secretFile?: string
  set?: string[]
}

/** For flags that may be given several times. */
export const repeated = (one: string, before?: string[]): string[] => [...(before ?? []), one]

/** The commonest members by name, all others by `--set`. A secret is never an argument: those can be read by every process. */
export const addSettings = (command: Command): Command =>
  command
    .option('--label <label>', 'a name for people')
    .option('--format <format>', 'how payloads are written')
    .option('--scheme <scheme>', 'how requests are signed')
    .option('--header <name: value>', 'sent with each request; may be repeated', repeated)
    .option('--secret-file <file>', 'a signing secret of your own; - is stdin')
    .option('--set <member=value>', 'any other member as the API names it, its value as JSON or text: rate_limit=50', repeated)

export async function membersOf({ label, format, scheme, header, secretFile, set = [] }: Settings): Promise<Record<string, unknown>> {
  const headers = header?.map((text) => pairOf(text, ':', '--header')).map(([name, value]) => [name, value.trim()])
  const secret = secretFile === undefined ? undefined : await readSecret(secretFile)
  const named = { label, format, scheme, secret, ...(headers && { headers: Object.fromEntries(headers) as Record<string, string> }) }
  const others = set.map((text) => pairOf(text, '=', '--set')).map(([name, value]) => [name, valueOf(value)])
  return { ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)), ...Object.fromEntries(others) }
}

async function readSecret(file: string): Promise<string> {
  const text = file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8').catch((error: Error) => refuse(file, error))
  return text.trim()
}

const refuse = (file: string, error: Error): never => {
  throw misused(`--secret-file ${file} cannot be read: ${error.message}`)
}

function pairOf(text: string, by: string, flag: string): [string, string] {
  const at = text.indexOf(by)
  if (at < 1) throw misused(`${flag} ${text}: must be a name, "${by}" and a value`)
  return [text.slice(0, at).trim(), text.slice(at + 1)]
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // `order=entity` is text, and needs no quotes within quotes
    return text
  }
}
