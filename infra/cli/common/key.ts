import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from './fail.ts'
import type { Env } from './io.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
export const defaultUrl = 'http://127.0.0.1:8400'

/** The data folder of `npm start`, wherever we are called from. */
export const dataFolderOf = (env: Env): string => (env.DATA_DIR ? resolve(env.DATA_DIR) : join(root, 'data'))

export type FoundKey = { key: string | undefined /** For a person: where it is from. */; from: string }

/**
 * `--key`, `TIDINGS_API_KEY`, the file that `TIDINGS_API_KEY_FILE` names, or the admin key that `npm start` has kept. That last
 * one is shown to this machine alone: another URL must not get it by an oversight.
 */
export function findKey(given: string | undefined, url: string, env: Env): FoundKey {
  if (given) return { key: given, from: '--key' }
  if (env.TIDINGS_API_KEY) return { key: env.TIDINGS_API_KEY, from: 'TIDINGS_API_KEY' }
  if (env.TIDINGS_API_KEY_FILE)
    return { key: readKey(env.TIDINGS_API_KEY_FILE), from: `TIDINGS_API_KEY_FILE (${env.TIDINGS_API_KEY_FILE})` }
  const kept = join(dataFolderOf(env), 'admin.key')
  if (isLoopback(url) && existsSync(kept)) return { key: readKey(kept), from: kept }
  return { key: undefined, from: 'nowhere' }
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Failure(`the API key in ${file} cannot be read: ${(error as Error).message}`)
  }
}

export const isLoopback = (url: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname)
