import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Problem } from '../shared/problem.ts'
import { SchemaMismatch } from '../shared/storage/schema-mismatch.ts'
import { TransferRefused } from '../shared/storage/transfer/refused.ts'
import { transfer, type Step, type Transferred } from '../shared/storage/transfer/transfer.ts'
import { openDataFolder } from './data-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const usage = `npm run transfer -- --to postgres://user@host/tidings [--from sqlite:./data/tidings.db] [--json]

Carries a whole installation, log and all, from its SQLite file to a Postgres database that holds nothing yet.

  --from  the file; left out: the one in DATA_DIR
  --to    the database; left out: DATABASE_URL, which no list of processes shows
  --json  one JSON object on stdout instead of the table

Nothing is written to the file. How to move without standing still for long:

  1. Run it while Tidings works as ever. It may take as long as it likes, and be stopped: run again, it goes on.
  2. Stop everything: Ctrl-C where \`npm start\` runs, or end ingest, dispatcher and status. Catalogs are refused for
     this moment, and send again.
  3. Run it again: it carries what has come and what has changed since, and says that nothing is left.
  4. Start everything with DATABASE_URL set to the database, with the same master key, and the same Redis if there is one
     of your own. What a private Redis held is made again from the log.

Ends with 0 when nothing is left to carry, with 1 when something is, or the two do not agree, with 78 when it was refused.`

type Output = Record<'stdout' | 'stderr', { write(text: string): unknown }>

export async function main(args: string[], env: Record<string, string | undefined>, { stdout, stderr }: Output): Promise<number> {
  const options = parse(args)
  if ('wrong' in options || options.help) {
    const [stream, text] = 'wrong' in options ? [stderr, `${options.wrong}\n\n${usage}`] : [stdout, usage]
    stream.write(`${text}\n`)
    return 'wrong' in options ? 2 : 0
  }
  const to = options.to ?? env.DATABASE_URL
  if (to === undefined) {
    stderr.write(`--to is missing, and DATABASE_URL is not set\n\n${usage}\n`)
    return 2
  }
  try {
    const from = options.from ?? `sqlite:${(await openDataFolder(resolve(root, env.DATA_DIR ?? './data'))).database}`
    const done = await transfer({ from, to, tell: teller((line) => stderr.write(`${line}\n`)) })
    stdout.write(options.json ? `${JSON.stringify(done, null, 2)}\n` : `${table(done)}\n`)
    return done.isComplete && done.auditBrokenIn.length === 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof TransferRefused || error instanceof SchemaMismatch || error instanceof Problem)) throw error
    stderr.write(`${error.message}\n`)
    return error instanceof Problem ? 1 : 78
  }
}

function parse(args: string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  try {
    return parseArgs({ args, options: { from: text, to: text, json: flag, help: flag } }).values
  } catch (error) {
    return { wrong: (error as Error).message }
  }
}

/** A line now and then for a table that takes long, and one for each that had anything. */
function teller(say: (line: string) => void): (step: Step) => void {
  let [table, at] = ['', 0]
  return (step) => {
    const isNext = step.table !== table
    if (step.of === 0 || (!isNext && Date.now() - at < 2_000 && step.done < step.of)) return
    ;[table, at] = [step.table, Date.now()]
    say(`${step.table}: ${step.done} carried, ${step.of} there are`)
  }
}

function table({ tables, auditBrokenIn, wasWritten, isComplete }: Transferred): string {
  const width = Math.max(...tables.map((one) => one.table.length))
  const rows = tables.map(({ table: name, carried, source, target }) => {
    const mark = source === target ? '✓' : '✗'
    return `${mark} ${name.padEnd(width)}  ${String(source).padStart(10)} in the file, ${String(target).padStart(10)} in Postgres, ${carried} carried now`
  })
  const chains = auditBrokenIn.map((id) => `✗ the chain of the audit log of ${id} is broken: compare GET /audit/verify of both`)
  return [...rows, ...chains, verdict(isComplete, wasWritten)].join('\n')
}

const verdict = (isComplete: boolean, wasWritten: boolean): string => {
  if (isComplete) return 'Nothing is left to carry: start everything with DATABASE_URL set to the database.'
  if (wasWritten) return 'The file was written to meanwhile: stop everything and run this again, for the rest.'
  return 'The two do not agree: run this again. If that changes nothing, keep the file, and go on with it.'
}
