import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import { exits, misused } from './common/fail.ts'
import type { Env } from './common/io.ts'
import { checkSettings, isProcess, processes, unknownVariables, type Finding, type ProcessName } from './common/settings-check.ts'

/** `tidings config check`: what is wrong with the environment before anything is started with it. */
export function addConfig(program: Command, env: Env): void {
  const group = program.command('config').description('The settings of this machine')
  const command = group
    .command('check')
    .description('Read the environment as Tidings would, and say what is wrong, missing or unknown; 1 if anything is. Prints no value')
    .argument('[processes...]', `${processes.join(', ')}; start, which brings the others, when left out`)
    .option('--env-file <file>', 'a file of NAME=value lines, which the environment goes before; the file is judged as a whole')
  action(command, env, check)
}

async function check({ io }: Context, names: string[], { envFile }: { envFile?: string }): Promise<number> {
  const wrong = names.find((name) => !isProcess(name))
  if (wrong !== undefined) throw misused(`there is no process "${wrong}"; known: ${processes.join(', ')}`)
  const file = envFile === undefined ? {} : readEnvFile(envFile)
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
