import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { Context } from './context.ts'
import { exits, misused } from './fail.ts'
import type { Env } from './io.ts'
import { checkSettings, isProcess, processes, unknownVariables, type Finding, type ProcessName } from './settings-check.ts'

const usualFile = '.env'

/** Says what is wrong, and no value. @returns the exit code */
export async function checkConfig({ io }: Context, names: string[], { envFile }: { envFile?: string }): Promise<number> {
  const wrong = names.find((name) => !isProcess(name))
  if (wrong !== undefined) throw misused(`there is no process "${wrong}"; known: ${processes.join(', ')}`)
  const path = envFile ?? (existsSync(usualFile) ? usualFile : undefined)
  if (envFile === undefined && path)
    io.say(`${path} is judged too. Tidings itself reads the environment alone: node --env-file, or set -a; . ./.env`)
  const file = path === undefined ? {} : readEnvFile(path)
  const env = { ...file, ...io.env }
  const wanted = (names.length > 0 ? names : ['start']) as ProcessName[]
  const findings = [...checkSettings(wanted, env), ...unknownVariables(Object.keys(file), Object.keys(io.env))]
  for (const finding of findings) io.out(io.json ? JSON.stringify(finding) : lineOf(finding))
  if (findings.length === 0 && !io.json)
    io.out(
      `${io.paint('green', '✓')} ${wanted.map((name) => (name === 'start' ? 'npm start' : name)).join(', ')}: all settings can be used`,
    )
  return findings.length > 0 ? exits.refused : exits.done

  function lineOf({ variable, problem, meaning, read_by }: Finding): string {
    const more = meaning ? `. ${meaning}` : ''
    return `${io.paint('red', '✗')} ${io.paint('bold', variable)}: ${problem}${more}${read_by.length > 0 ? ` (read by ${read_by.join(', ')})` : ''}`
  }
}

function readEnvFile(path: string): Env {
  try {
    return parseEnv(readFileSync(path, 'utf8')) as Env
  } catch (error) {
    throw misused(`--env-file ${path} cannot be read: ${(error as Error).message}`)
  }
}
