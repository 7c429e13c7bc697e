import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import Database from 'better-sqlite3'
import { systemRedis } from '../../infra/redis/system.ts'

const versionOf = (name: string) =>
  (JSON.parse(readFileSync(new URL(`../../../node_modules/${name}/package.json`, import.meta.url), 'utf8')) as { version: string }).version

/** What the figures were measured on: they mean little without it. */
export async function describeMachine() {
  const redis = await systemRedis(process.env)
  const db = new Database(':memory:')
  const sqlite = (db.prepare('SELECT sqlite_version() AS version').get() as { version: string }).version
  db.close()
  return {
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? '',
      memoryGb: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
    },
    versions: {
      node: process.versions.node,
      redis: 'program' in redis ? redis.program.label : redis.reason,
      sqlite,
      bullmq: versionOf('bullmq'),
      ioredis: versionOf('ioredis'),
    },
  }
}
