import { readFileSync } from 'node:fs'
import type { Env } from '../common/io.ts'

export type Resolved = {
  value: unknown
  missing: { path: PropertyKey[]; name: string }[]
  /** Whether the value at this path, or one below it, came out of a variable that is not set. */
  isUnknown(path: PropertyKey[]): boolean
}

const reference = /\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** `${NAME}` in texts becomes the value of NAME, or the content of the file that NAME_FILE names; `$${NAME}` stays `${NAME}`. */
export function resolveVariables(value: unknown, env: Env): Resolved {
  const missing: Resolved['missing'] = []

  function resolve(one: unknown, path: PropertyKey[]): unknown {
    if (typeof one === 'string') return resolveText(one, path)
    if (Array.isArray(one)) return one.map((inner, i) => resolve(inner, [...path, i]))
    if (typeof one !== 'object' || one === null) return one
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [name, resolve(inner, [...path, name])]))
  }
  const resolveText = (text: string, path: PropertyKey[]) =>
    text.replace(reference, (whole, escaped: string, name: string) => {
      if (escaped) return whole.slice(1)
      const found = valueOf(name, env)
      if (found === undefined) missing.push({ path, name })
      return found ?? standIn
    })

  const resolved = resolve(value, [])
  return {
    value: resolved,
    missing,
    isUnknown: (path) => missing.some((one) => path.every((key, i) => one.path[i] === key)),
  }
}

/** Passes for a value where one is only looked at: long enough for a secret, and of no letter that is not allowed in one. */
const standIn = 'value-that-is-not-known-here'

function valueOf(name: string, env: Env): string | undefined {
  const file = env[`${name}_FILE`]
  if (env[name] !== undefined || file === undefined) return env[name]
  return readFileSync(file, 'utf8').trim()
}
