import { chmodSync } from 'node:fs'
import { RedisServerState, Resp2Server, createRedisCommandExecutor } from 'js-redis-server/core'

/**
 * The JavaScript Redis as a process: `node server.mjs <socket>`. It listens on a unix socket and not on a port,
 * because the library would bind a port on every interface. Data lives in memory only.
 */
const [socket] = process.argv.slice(2)
const server = new Resp2Server({
  server: new RedisServerState({ databaseCount: 16 }),
  executor: createRedisCommandExecutor({}),
  logger: { error: (error) => console.error(error) },
})
process.umask(0o077)
await server.listen(socket)
chmodSync(socket, 0o700)

process.on('SIGTERM', () => process.exit(0))
// whoever started us and died without a word leaves nobody who could use this memory
process.on('disconnect', () => process.exit(0))
