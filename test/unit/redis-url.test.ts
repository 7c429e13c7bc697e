import { describe, expect, it } from 'vitest'
import { readRedisUrl, RedisUrlError } from '../../shared/redis-url.ts'

const plain = { tls: false }

describe('readRedisUrl', () => {
  it.each([
    ['redis://localhost', { kind: 'server', ...plain, host: 'localhost', port: 6379, db: 0 }],
    ['redis://localhost:7000/3', { kind: 'server', ...plain, host: 'localhost', port: 7000, db: 3 }],
    ['redis://[::1]:7000', { kind: 'server', ...plain, host: '::1', port: 7000, db: 0 }],
    [
      'rediss://ada:p%40ss@redis.example',
      { kind: 'server', username: 'ada', password: 'p@ss', tls: true, host: 'redis.example', port: 6379, db: 0 },
    ],
    ['redis://:secret@redis.example', { kind: 'server', password: 'secret', ...plain, host: 'redis.example', port: 6379, db: 0 }],
    ['unix:///run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    ['unix:/run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
  ])('%s is one server', (url, address) => {
    expect(readRedisUrl(url)).toEqual(address)
  })

  it('a cluster has several servers to ask, and one login', () => {
    expect(readRedisUrl('rediss+cluster://ada:secret@one:7001,two,[::1]:7003')).toEqual({
      kind: 'cluster',
      username: 'ada',
      password: 'secret',
      tls: true,
      nodes: [
        { host: 'one', port: 7001 },
        { host: 'two', port: 6379 },
        { host: '::1', port: 7003 },
      ],
    })
  })

  it('Sentinels know a master by its name', () => {
    const sentinels = [
      { host: 'one', port: 26379 },
      { host: 'two', port: 26380 },
    ]
    const common = { kind: 'sentinel', tls: false, sentinels, master: 'tidings' }
    expect(readRedisUrl('redis+sentinel://one,two:26380/tidings')).toEqual({ ...common, db: 0 })
    expect(readRedisUrl('redis+sentinel://:secret@one,two:26380/tidings/2?sentinel_password=other')).toEqual({
      ...common,
      password: 'secret',
      db: 2,
      sentinelPassword: 'other',
    })
  })

  it.each([
    ['http://localhost', 'must be `redis://'],
    ['localhost:6379', 'must be `redis://'],
    ['redis+ring://one', 'must be `redis://'],
    ['unix://', 'must have the path of a socket'],
    ['redis://', '`` is no host and port'],
    ['redis://one:7001,two:7002', 'names several servers: a cluster is `redis+cluster://'],
    ['redis://one:port', '`one:port` is no host and port'],
    ['redis+cluster://one:7001,', '`` is no host and port'],
    ['redis+cluster://one:70000', '`one:70000` has no port from 1 to 65535'],
    ['redis+cluster://one,two/3', 'a cluster has no numbered databases: leave out `/3`'],
    ['redis+sentinel://one,two', 'must end with the name by which the Sentinels know the master'],
    ['redis+sentinel://one/', 'must end with the name by which the Sentinels know the master'],
    ['redis://one/three', '`/three` is no number of a database'],
    ['redis://ada:100%@one', 'percent-encoded'],
  ])('refuses %s and says why', (url, reason) => {
    expect(() => readRedisUrl(url)).toThrow(RedisUrlError)
    expect(() => readRedisUrl(url)).toThrow(reason)
  })

  it('says nothing of a password', () => {
    for (const url of ['redis://ada:hunter2@one:7001,two', 'redis+cluster://:hunter2@one,/1', 'http://ada:hunter2@one'])
      expect(() => readRedisUrl(url)).toThrow(/^(?!.*hunter2)/s)
  })
})
