import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scheme } from '../signing/scheme.ts'

/**
 * A scheme by its name, loaded when it is first asked for: who verifies one sender does not pay for the others, and
 * importing the kit does nothing. `require`, because `verify` must not be a promise that a caller could forget to await.
 */
export function schemeNamed(name: string): Scheme {
  const found = loaded.get(name)
  if (found) return found
  if (!schemeNames().includes(name)) throw new Error(`there is no scheme "${name}"; known: ${schemeNames().join(', ')}`)
  const module = createRequire(import.meta.url)(`../signing/schemes/${name}${extension}`) as { default: Scheme }
  loaded.set(name, module.default)
  return module.default
}

const extension = extname(import.meta.url)
const loaded = new Map<string, Scheme>()

const schemeNames = (): string[] =>
  readdirSync(fileURLToPath(new URL('../signing/schemes/', import.meta.url)))
    .filter((file) => extname(file) === extension && !file.endsWith('.d.ts'))
    .map((file) => basename(file, extension))
    .sort()
