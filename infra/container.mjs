import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SetupError, runEntry } from './setup.mjs'

const names = { up: 'start' }

// The kernel keeps from a first process the signals that it has no listener for, and a service listens once it is ready.
for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
]) {
  process.on(signal, () => process.listenerCount(signal) === 1 && process.exit(code))
}

/**
 * The first process of an image: `docker run tidings ingest` is `npm run ingest`, without npm between the signals and us.
 * Whatever script of package.json is one file of this folder can be run so; Node's own arguments are those of the image.
 */
await runEntry(async () => {
  const [given = 'up', ...rest] = process.argv.slice(2)
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const [, file, args] = /^node (?:--[\w=-]+ )*infra\/([\w-]+\.mjs)((?: [\w-]+)*)$/.exec(scripts[names[given] ?? given] ?? '') ?? []
  if (!file) throw new SetupError(`there is no command "${given}"; the usual ones are up, ingest, dispatcher, status and migrate`)
  const entry = new URL(file, import.meta.url)
  process.argv = [process.argv[0], fileURLToPath(entry), ...args.split(' ').filter(Boolean), ...rest]
  await import(entry.href)
})
