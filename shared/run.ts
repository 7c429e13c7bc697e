import { setTimeout as pause } from 'node:timers/promises'
import type { z } from 'zod'
import { systemClock, type Clock } from './clock.ts'
import { serve } from './http/serve.ts'
import { createLogger, type Logger } from './logger.ts'
import { Problem } from './problem.ts'
import type { RedisTarget } from './redis.ts'
import { openVaultOf, type Vault } from './secrets.ts'
import type { Service } from './service.ts'
import { readSettings, SettingsError } from './settings.ts'
import { openStorage, type OpenOptions } from './storage/open.ts'
import { SchemaMismatch } from './storage/schema-mismatch.ts'
import type { Storage } from './storage/storage.ts'
import { startTracing, type Tracing } from './tracing.ts'

type CommonSettings = {
  redisUrl: string
  redisPrefix: string
  databaseUrl: string
  masterKey: string
  masterKeyPrevious?: string | undefined
  logLevel: string
  host: string
  port?: number | undefined
}
type StartDeps<S> = { settings: S; storage: Storage; redis: RedisTarget; vault: Vault; log: Logger; clock: Clock; tracing: Tracing }
type Start<S> = (deps: StartDeps<S>) => Promise<Service>

/**
 * Makes a process of one service: settings from the environment, signals, an ordered end, an exit code. The process
 * comes from the caller, a `main.ts`: nothing below it reaches for one.
 */
export async function run<T extends z.ZodRawShape>(
  name: string,
  schema: z.ZodObject<T>,
  start: Start<z.infer<z.ZodObject<T>>>,
  process: NodeJS.Process,
  options: { readOnly?: boolean } = {},
): Promise<void> {
  const settings = await orRefuse(() => readSettings(schema, process.env), process)
  const common = settings as unknown as CommonSettings
  const log = createLogger(name, common.logLevel)
  process.on('unhandledRejection', (error) => {
    throw error
  })
  process.on('uncaughtException', (error) => {
    // Half alive is worse than dead: whoever supervises us starts a whole one.
    log.fatal({ err: error }, 'fault outside any request or job')
    process.exit(1)
  })

  const tracing = await orRefuse(() => startTracing(name, process.env, log), process)
  const storage = await openWhenThere(common.databaseUrl, { ...options, migrations: 'check' }, log).catch((error: unknown) => {
    if (!(error instanceof SchemaMismatch)) throw error
    process.stderr.write(`${name} does not start: ${error.message}\n`)
    return process.exit(78)
  })
  const vault = openVaultOf(common)
  const redis = { url: common.redisUrl, prefix: common.redisPrefix }
  const service = await start({ settings, storage, redis, vault, log, clock: systemClock, tracing }).catch((error: unknown) =>
    refuse(error, process),
  )
  service.metrics.watchProcess()
  const serving = common.port === undefined ? undefined : await serve(service.app.fetch, { host: common.host, port: common.port })
  // Before we say that we are ready: whoever waits for that may ask us to end the very next moment.
  endOnSignal(process, log, [serving, service, tracing], storage)
  answerParent(process, service)
  log.info({ url: serving?.url, pid: process.pid }, `${name} is ready`)
  // For a parent that waits: a message costs nothing where there is none.
  process.send?.({ ready: true, url: serving?.url })
}

/** A launcher asks for the metrics of its children this way: they need no port for it. */
function answerParent(process: NodeJS.Process, { metrics }: Service): void {
  process.on('message', (message: { metrics?: number; process?: string }) => {
    if (message.metrics === undefined) return
    // without a channel the parent is gone, and so are we in a moment
    const answer = (text: string) => void (process.connected && process.send?.({ metrics: message.metrics, text }))
    metrics.text(message.process).then(answer, () => answer(''))
  })
}

async function orRefuse<T>(read: () => T | Promise<T>, process: NodeJS.Process): Promise<T> {
  try {
    return await read()
  } catch (error) {
    return refuse(error, process)
  }
}

/** What is wrong with settings is for a person to read; all else is a fault. */
function refuse(error: unknown, process: NodeJS.Process): never {
  if (!(error instanceof SettingsError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(78)
}

/** A reader may come up before the writer has made the database, and anybody before its server: it waits, and says so. */
async function openWhenThere(url: string, options: OpenOptions, log: Logger): Promise<Storage> {
  for (let tries = 0; ; tries++) {
    try {
      return await openStorage(url, options)
    } catch (error) {
      const isAway = options.readOnly || (error instanceof Problem && error.code === 'unavailable')
      if (!isAway || tries > 300 || error instanceof SchemaMismatch) throw error
      if (tries === 0) log.info({ reason: (error as Error).message }, 'the database is not there yet, waiting for it')
      await pause(200)
    }
  }
}

const sameSignalMs = 500

type Part = { stop(): Promise<void> }

/** The parts end in their order. */
function endOnSignal(process: NodeJS.Process, log: Logger, parts: (Part | undefined)[], storage: Storage): void {
  let endingSince: number | undefined
  const end = async (signal: string) => {
    if (endingSince !== undefined) {
      // One Ctrl-C may arrive twice: from the terminal, and handed on by npm.
      if (Date.now() - endingSince > sameSignalMs) process.exit(1)
      return
    }
    endingSince = Date.now()
    log.info({ signal }, 'draining')
    for (const part of parts) await part?.stop()
    await storage.close()
    log.info('ended')
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal))
  // A child whose launcher was killed has nobody left to end it.
  process.on('disconnect', () => void end('disconnect'))
}
