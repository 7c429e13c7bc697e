import type { Random } from '../../infra/demo/random.ts'

/** A request in the form in which it is written. */
export type Parts = { method: string; target: string; headers: [name: string, value: string][]; body: Buffer }

export const written = ({ method, target, headers, body }: Parts): Buffer =>
  Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1'),
    body,
  ])

/**
 * A way to write a request otherwise than it should be. `refuse`: two programs in a row could understand it in two
 * ways, so no answer but a refusal is right, and no more than one answer. `incomplete`: no answer need come.
 */
export type Trick = { name: string; refuse?: boolean; incomplete?: boolean; write(parts: Parts, random: Random): Buffer }

export const withHeaders = (parts: Parts, ...headers: [string, string][]): Parts => ({ ...parts, headers: [...parts.headers, ...headers] })
export const without = (parts: Parts, name: string): Parts => ({
  ...parts,
  headers: parts.headers.filter(([each]) => each.toLowerCase() !== name),
})
export const replaced = (parts: Parts, from: RegExp, to: string) =>
  Buffer.from(written(parts).toString('latin1').replace(from, to), 'latin1')
export const atPath = (parts: Parts, change: (path: string) => string): Buffer => {
  const [path = '', query] = parts.target.split(/\?(.*)/s)
  return written({ ...parts, target: change(path) + (query === undefined ? '' : `?${query}`) })
}
