import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'
import { exits, Failure, misused } from './fail.ts'

export type Env = Record<string, string | undefined>
type Style = Parameters<typeof styleText>[0]

/** The terminal, or whatever stands in its place. */
export type Io = {
  env: Env
  /** One JSON value a line on stdout, and nothing else there. */
  json: boolean
  /** The result: stdout. */
  out(line: string): void
  /** What is said beside it: stderr. */
  say(line: string): void
  paint(style: Style, text: string): string
  /** Whether somebody is there to be asked. */
  interactive: boolean
  /** Asks before something is done that cannot be undone. Where nobody can answer, only `--yes` will do. */
  confirm(question: string, yes: boolean | undefined): Promise<void>
  ask(question: string): Promise<boolean>
  /** Aborted by Ctrl-C, or when nobody reads on; from the first call on, the command ends itself. */
  interruptible(): AbortSignal
  /** Whether it was aborted because nobody reads on, which is as good an end as any. */
  closed(): boolean
}

/** npm hands Ctrl-C on to us although the terminal has done so already: that is one signal, not two. */
const sameSignalMs = 500

export function createIo(env: Env, json: boolean): Io {
  const { stdin, stdout, stderr } = process
  const colours = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  const interactive = stdin.isTTY === true && stderr.isTTY === true
  const interruption = createInterruption()
  let closed = false
  // `tidings tail | head -1`: who has read enough closes the pipe, and that is no fault
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    closed = true
    interruption.end()
  })

  async function ask(question: string): Promise<boolean> {
    const lines = createInterface({ input: stdin, output: stderr })
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    const answer = await Promise.race([lines.question(`${question} [y/N] `), ended])
    lines.close()
    return /^y(es)?$/i.test(answer.trim())
  }

  return {
    env,
    json,
    out: (line) => void (closed || stdout.write(`${line}\n`)),
    say: (line) => void stderr.write(`${line}\n`),
    paint: (style, text) => (colours ? styleText(style, text) : text),
    interactive,
    ask,
    async confirm(question, yes) {
      if (yes) return
      if (!interactive) throw misused(`${question} Nobody can be asked here: give --yes`)
      if (!(await ask(question))) throw new Failure('nothing was done', exits.refused)
    },
    interruptible: interruption.signal,
    closed: () => closed,
  }
}

/** Before a command takes the signal itself, Ctrl-C ends the process as it does any other. */
function createInterruption(): { signal(): AbortSignal; end(): void } {
  const controller = new AbortController()
  let taken = false
  let since: number | undefined
  const interrupt = () => {
    if (since === undefined) since = Date.now()
    else if (Date.now() - since > sameSignalMs) process.exit(130)
    controller.abort()
  }
  return {
    signal() {
      if (!taken) for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt)
      taken = true
      return controller.signal
    },
    end() {
      if (!taken) process.exit(exits.done)
      controller.abort()
    },
  }
}
