import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { exits, Failure } from './common/fail.ts'
import { clean } from './common/print.ts'
import type { Env } from './common/io.ts'
import { addApply } from './apply.ts'
import { addConfig } from './config.ts'
import { addDoctor } from './doctor.ts'
import { addDrift } from './drift.ts'
import { addListen } from './listen.ts'
import { addPlan } from './plan.ts'
import { addRedeliver } from './redeliver.ts'
import { addReplay } from './replay.ts'
import { addSend } from './send.ts'
import { addTail } from './tail.ts'
import { addUp } from './up.ts'
import { addWebhooks } from './webhooks.ts'

const footer = `
Exit codes: 0 done · 1 refused, failed, or something is wrong · 2 wrong usage, or differences (plan, drift) · 3 Tidings cannot be reached
Colours only on a terminal, and not with NO_COLOR. The whole API stands at /docs of a running Tidings.`

/** `tidings`: a running Tidings from a shell, over its HTTP API alone; `up` starts one, and `doctor` looks at this machine too. */
export async function main(args: string[], env: Env): Promise<void> {
  const program = new Command('tidings')
    .description('Carries the news of a data catalog to everyone who must react: from the command line.')
    .addOption(new Option('--url <url>', 'where Tidings runs (TIDINGS_URL; http://127.0.0.1:8400)'))
    .addOption(new Option('--ingest-url <url>', 'where events go, if ingest runs on its own (TIDINGS_INGEST_URL)'))
    .addOption(new Option('--key <key>', 'API key (TIDINGS_API_KEY, TIDINGS_API_KEY_FILE; on this machine data/admin.key)'))
    .option('--json', 'one JSON value a line on stdout')
    .version(version(), '--version')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .addHelpText('after', footer)
  const adders = [
    addUp,
    addDoctor,
    addSend,
    addTail,
    addWebhooks,
    addRedeliver,
    addReplay,
    addListen,
    addPlan,
    addApply,
    addDrift,
    addConfig,
  ]
  for (const add of adders) add(program, env)
  everywhere(program, (command) => command.exitOverride().allowExcessArguments(false))

  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = told(error)
  }
}

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version

function everywhere(command: Command, change: (command: Command) => void): void {
  change(command)
  for (const inner of command.commands) everywhere(inner, change)
}

/** @returns the exit code; what nobody foresaw is a fault of ours, and thrown on. */
function told(error: unknown): number {
  // commander has said it already
  if (error instanceof CommanderError) return error.exitCode === 0 ? exits.done : exits.usage
  if (!(error instanceof Failure)) throw error
  process.stderr.write(`tidings: ${error.message.split('\n').map(clean).join('\n')}\n`)
  return error.exit
}
