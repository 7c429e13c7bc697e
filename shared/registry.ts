import { readdir } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { Problem } from './problem.ts'

export type Registry<T> = { names(): string[]; has(name: string): boolean; get(name: string): T; all(): T[] }

/**
 * Loads every implementation in a folder; the file's name is the implementation's name, its default export the
 * contract. A wrong name is a fault at start-up and not at the first request. Only for unordered things that are
 * looked up by name: sources, formats, schemes.
 */
export async function loadRegistry<T extends { name: string }>(kind: string, folder: URL): Promise<Registry<T>> {
  const extension = extname(import.meta.url)
  const files = (await readdir(folder)).filter((file) => extname(file) === extension && !file.endsWith('.d.ts')).sort()
  const entries = new Map<string, T>()
  for (const file of files) {
    const name = basename(file, extension)
    const module: { default?: T } = await import(new URL(file, `${folder.href.replace(/\/?$/, '/')}`).href)
    if (module.default?.name !== name) throw new Error(`${kind} file ${file} must export by default an object named "${name}"`)
    entries.set(name, module.default)
  }
  return {
    names: () => [...entries.keys()],
    has: (name) => entries.has(name),
    all: () => [...entries.values()],
    get(name) {
      const found = entries.get(name)
      if (!found) throw new Problem('invalid', `there is no ${kind} "${name}"; known: ${[...entries.keys()].join(', ')}`)
      return found
    },
  }
}
