/** What cannot be used as REDIS_URL, and why; never with the password that it may hold. */
export class RedisUrlError extends Error {}

type Node = { host: string; port: number }
type Login = { username?: string; password?: string; tls: boolean }

/** One server, by a socket or over TCP; the master that Sentinels name; or a cluster, by some of its servers. */
export type RedisAddress =
  | { kind: 'socket'; path: string }
  | (Login & { kind: 'server'; db: number } & Node)
  | (Login & { kind: 'sentinel'; sentinels: Node[]; master: string; db: number; sentinelPassword?: string })
  | (Login & { kind: 'cluster'; nodes: Node[] })

/** For whoever writes a REDIS_URL. */
export const redisUrlForms =
  '`redis://user:password@host:port/db` or `unix:///path.sock`; a cluster is `redis+cluster://user:password@host:port,host:port`, servers that Sentinels watch are `redis+sentinel://user:password@sentinel:port,sentinel:port/name-of-the-master` (`?sentinel_password=` where they have one of their own). With TLS: `rediss`, `rediss+cluster`, `rediss+sentinel`.'

const parts = /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^/?]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const ports = { server: 6_379, cluster: 6_379, sentinel: 26_379 }

/** @throws RedisUrlError */
export function readRedisUrl(url: string): RedisAddress {
  if (url.startsWith('unix:')) return { kind: 'socket', path: pathOf(url) }
  const [, scheme, kind = 'server', login, hosts = '', path = '', query = ''] = parts.exec(url) ?? []
  if (scheme === undefined) throw new RedisUrlError(`must be ${redisUrlForms}`)
  const nodes = hosts.split(',').map((host) => nodeOf(host, ports[kind as keyof typeof ports]))
  const common = { ...loginOf(login), tls: scheme === 'rediss' }
  if (kind === 'cluster') return { kind, ...common, nodes: withoutDatabase(nodes, path) }
  if (kind === 'sentinel') return { kind, ...common, sentinels: nodes, ...watched(path), ...sentinelLogin(query) }
  const [node, ...others] = nodes
  if (!node || others.length > 0)
    throw new RedisUrlError(
      'names several servers: a cluster is `redis+cluster://…`, servers that Sentinels watch are `redis+sentinel://…/name-of-the-master`',
    )
  return { kind: 'server', ...common, ...node, db: databaseOf(path) }
}

function pathOf(url: string): string {
  const path = url.replace(/^unix:(\/\/)?/, '')
  if (path === '') throw new RedisUrlError('must have the path of a socket, as in `unix:///run/redis/redis.sock`')
  return path
}

function nodeOf(text: string, standard: number): Node {
  const [, host, port = String(standard)] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (host === undefined) throw new RedisUrlError(`\`${text}\` is no host and port; several are separated by commas`)
  if (Number(port) < 1 || Number(port) > 65_535) throw new RedisUrlError(`\`${text}\` has no port from 1 to 65535`)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function loginOf(text: string | undefined): { username?: string; password?: string } {
  if (text === undefined) return {}
  const at = text.indexOf(':')
  const [username, password] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  return { ...(username && { username: decoded(username) }), ...(password && { password: decoded(password) }) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RedisUrlError('must have its user and password percent-encoded: `%25` for `%`, `%40` for `@`')
  }
}

function withoutDatabase(nodes: Node[], path: string): Node[] {
  if (path !== '' && path !== '0') throw new RedisUrlError(`a cluster has no numbered databases: leave out \`/${path}\``)
  return nodes
}

function watched(path: string): { master: string; db: number } {
  const [master = '', db = ''] = path.split('/')
  if (master === '')
    throw new RedisUrlError(
      'must end with the name by which the Sentinels know the master: `redis+sentinel://host:port/name-of-the-master`',
    )
  return { master: decoded(master), db: databaseOf(db) }
}

function sentinelLogin(query: string): { sentinelPassword?: string } {
  const password = new URLSearchParams(query).get('sentinel_password')
  return password ? { sentinelPassword: password } : {}
}

function databaseOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw new RedisUrlError(`\`/${text}\` is no number of a database`)
  return Number(text)
}
