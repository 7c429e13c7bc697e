import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

/** The repository, seen from where this is compiled to. */
const root = fileURLToPath(new URL('../../../', import.meta.url))
export const inRepository = (path: string) => join(root, path)
export const exists = (path: string) => existsSync(inRepository(path))
export const read = (path: string) => readFileSync(inRepository(path), 'utf8')
export const readYaml = <T>(path: string) => parse(read(path), { merge: true }) as T

export const manifest = () =>
  JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string>; engines: { node: string } }

/** Names in `.env.example`; each may be given as a file, too. */
export const settingNames = (): Set<string> =>
  new Set([...read('.env.example').matchAll(/^#([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name as string))

/** What `infra/container.mjs` runs for a word: a script of package.json that is one file of infra. */
export function scriptOf(command: string): string | undefined {
  return manifest().scripts[command === 'up' ? 'start' : command]?.match(/^node (?:--[\w=-]+ )*(infra\/[\w-]+\.mjs)(?: [\w-]+)*$/)?.[1]
}

export type Instruction = { name: string; text: string }
export type Stage = { name: string; base: string; instructions: Instruction[] }

/** A Dockerfile without comments and with continued lines joined, by its stages. */
export function readDockerfile(path = 'infra/Dockerfile'): { args: Map<string, string>; stages: Stage[] } {
  const args = new Map<string, string>()
  const stages: Stage[] = []
  const lines = read(path)
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter(Boolean)
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    const stage = stages.at(-1)
    if (name === 'FROM') {
      const [, base = '', as = ''] = /^(\S+)(?: AS (\w+))?$/.exec(text) ?? []
      stages.push({ name: as, base: base.replace(/^\$\{(\w+)\}$/, (_, arg: string) => args.get(arg) ?? ''), instructions: [] })
    } else if (!stage && name === 'ARG') args.set(text.split('=')[0] as string, text.split('=').slice(1).join('='))
    else if (stage && name) stage.instructions.push({ name, text })
    else throw new Error(`${path} has a line that cannot be understood: ${line}`)
  }
  return { args, stages }
}

export const valuesOf = (stage: Stage, name: string) =>
  stage.instructions.filter((instruction) => instruction.name === name).map(({ text }) => text)

/** `["node", "x"]` of ENTRYPOINT and CMD. */
export const execForm = (stage: Stage, name: string) =>
  JSON.parse((valuesOf(stage, name).at(-1) ?? '[]').replace(/^[^[]*/, '').replace(/^CMD /, '')) as string[]

/** COPY: from which stage, what, and to where. */
export const copies = (stage: Stage) =>
  valuesOf(stage, 'COPY').map((text) => {
    const words = text.split(' ')
    const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined
    return { from, sources: words.slice(0, -1), target: words.at(-1) as string }
  })

/** Whether a file of the repository gets into the context of a build, as `.dockerignore` says: the last line that fits decides. */
export function isInContext(path: string): boolean {
  let taken = true
  for (const line of read('.dockerignore').split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const pattern = line.replace(/^!/, '')
    const expression = pattern
      .replace(/[.]/g, '\\.')
      .replace(/\*\*\//g, '(.*/)?')
      .replace(/(?<![.)])\*/g, '[^/]*')
    if (new RegExp(`^${expression}(/|$)`).test(path)) taken = line.startsWith('!')
  }
  return taken
}
