import type { Command } from 'commander'
import { createApi, type Api } from './api.ts'
import { misused } from './fail.ts'
import { createIo, type Env, type Io } from './io.ts'
import { defaultUrl, findKey, type FoundKey } from './key.ts'

/** What every command gets: the terminal, and the Tidings that is meant. */
export type Context = { io: Io; url: string; key: FoundKey; api: Api }
type Options = { url?: string; ingestUrl?: string; key?: string; json?: boolean }
export type Run<Given extends unknown[]> = (context: Context, ...given: Given) => Promise<number | void>

/** Adds the action of a command; what it resolves to is the exit code, and nothing is 0. */
export function action<Given extends unknown[]>(command: Command, env: Env, run: Run<Given>): Command {
  return command.action(async (...args: unknown[]) => {
    // commander hands over the arguments, the options, and the command itself
    const self = args.at(-1) as Command
    const code = await run(contextOf(self.optsWithGlobals<Options>(), env), ...(args.slice(0, -1) as Given))
    if (code !== undefined) process.exitCode = code
  })
}

function contextOf(options: Options, env: Env): Context {
  const io = createIo(env, options.json ?? false)
  const url = checkedUrl(options.url ?? env.TIDINGS_URL ?? defaultUrl, options.url ? '--url' : 'TIDINGS_URL')
  const ingestUrl = checkedUrl(
    options.ingestUrl ?? env.TIDINGS_INGEST_URL ?? url,
    options.ingestUrl ? '--ingest-url' : 'TIDINGS_INGEST_URL',
  )
  const key = findKey(options.key, url, env)
  return { io, url, key, api: createApi(url, ingestUrl, key, io.say) }
}

function checkedUrl(url: string, from: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '')
  throw misused(`${from} ${url}: must be an http or https URL`)
}
