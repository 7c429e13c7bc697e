import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Problem } from '../../problem.ts'
import type { OpenOptions } from '../open.ts'
import type { Storage } from '../storage.ts'
import type { Access } from './stores.ts'
import type { Call, Close, Reply, ThreadData } from './thread.ts'

type Pending = { resolve(value: unknown): void; reject(error: Error): void }
type Names = Record<string, string[]>
type Thread = {
  /** Resolves to the names of its methods; rejects, and ends the thread, when the file cannot be opened. */
  open(): Promise<Names>
  call(store: string, method: string, args: unknown[] | string): Promise<unknown>
  close(): Promise<void>
}

/** Opens `sqlite:<file>` (`libsql:<file>` is the same file through the other driver): one writing thread (none when `readOnly`) and one reading thread, behind the storage port. */
export async function open(url: string, { readOnly = false }: OpenOptions = {}): Promise<Storage> {
  const driver = url.startsWith('libsql:') ? 'libsql' : 'better-sqlite3'
  const file = resolve(url.replace(/^(sqlite|libsql):(\/\/)?/, ''))
  mkdirSync(dirname(file), { recursive: true })
  const reader = startThread({ file, access: 'read', driver })
  const writer = readOnly ? undefined : startThread({ file, access: 'write', driver })
  const close = async () => void (await Promise.all([writer?.close(), reader.close()]))

  const storage: Record<string, unknown> = {
    ping: async () => void (await Promise.all([reader.call('thread', 'ping', []), writer?.call('thread', 'pingWrite', [])])),
    close,
  }
  try {
    // One after the other: the writer migrates before the reader looks.
    if (writer) addMethods(storage, writer, await writer.open())
    addMethods(storage, reader, await reader.open())
  } catch (error) {
    await close()
    throw error
  }
  return storage as Storage
}

/** The hottest writes whose arguments are nothing but JSON: as one text they go over for a fraction of what a copy of their objects costs. */
const plain = new Set(['deliveries.create', 'deliveries.record', 'events.markFannedOut'])

/** Entries that are there as texts go over as such. */
const argsOf = (name: string, args: unknown[]): unknown[] | string => {
  if (name === 'deliveries.record' && (args[2] as string[] | undefined)?.length) return [[], ...args.slice(1)]
  return plain.has(name) ? JSON.stringify(args) : args
}

function addMethods(storage: Record<string, unknown>, thread: Thread, names: Names): void {
  for (const [store, methods] of Object.entries(names)) {
    const target = (storage[store] ??= {}) as Record<string, unknown>
    for (const method of methods) {
      const name = `${store}.${method}`
      target[method] = (...args: unknown[]) => thread.call(store, method, argsOf(name, args))
    }
  }
}

function startThread(data: ThreadData): Thread {
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: data, name: `sqlite ${data.access satisfies Access}` })
  const pending = new Map<number, Pending>()
  let lastId = 0
  let isOpen = false
  let closing = false
  // Calls of one turn of the event loop go over together: a message costs more than most calls. While two are on their
  // way, which is one more than is worked on, others gather here.
  let waiting: Call[] = []
  /** By the last call of each. */
  const underWay: number[] = []
  function hand(): void {
    const last = waiting.at(-1)
    if (!last || underWay.length === 2) return
    underWay.push(last.id)
    worker.postMessage(waiting)
    waiting = []
  }
  function settleAll(replies: Reply[]): void {
    for (const reply of replies) settle(pending, reply)
    // answers come in the order of the calls, those of several messages together where there was time
    const answered = replies.at(-1)?.id ?? 0
    while ((underWay[0] ?? Number.POSITIVE_INFINITY) <= answered) underWay.shift()
    hand()
  }
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))

  const opened = new Promise<Names>((resolve, reject) => {
    worker.once('message', (message: { ready: Names }) => resolve(message.ready))
    worker.once('error', reject)
    void ended.then(() => reject(new Error(`the SQLite thread ended while opening ${data.file}`)))
  })
  // Whoever opens hears of it; a thread that is ended before it was asked to open has nobody to tell.
  opened.catch(() => (closing = true))

  return {
    async open() {
      worker.postMessage({ open: true })
      const names = await opened
      isOpen = true
      worker.on('message', settleAll)
      worker.on('error', (error) => failAll(pending, error))
      worker.on('exit', () => {
        failAll(pending, new Error('the SQLite thread ended'))
        // Without its thread a process can only refuse; a supervisor that starts it anew can do better.
        if (!closing) throw new Error(`the SQLite thread for ${data.access} ended unexpectedly`)
      })
      return names
    },
    call: (store, method, args) =>
      new Promise((resolve, reject) => {
        if (closing) return reject(new Error('the storage is closed'))
        const call: Call = { id: ++lastId, store, method, args }
        pending.set(call.id, { resolve, reject })
        waiting.push(call)
        if (waiting.length === 1) setImmediate(hand)
      }),
    async close() {
      closing = true
      if (waiting.length > 0) worker.postMessage(waiting)
      waiting = []
      if (isOpen) worker.postMessage({ close: true } satisfies Close)
      else await worker.terminate()
      await ended
    },
  }
}

function settle(pending: Map<number, Pending>, reply: Reply): void {
  const waiting = pending.get(reply.id)
  pending.delete(reply.id)
  if (reply.problem)
    return waiting?.reject(
      new Problem(reply.problem.code, reply.problem.message, reply.problem.errors ? { errors: reply.problem.errors } : {}),
    )
  if (reply.fault) return waiting?.reject(Object.assign(new Error(reply.fault.message), { stack: reply.fault.stack }))
  waiting?.resolve(reply.value)
}

function failAll(pending: Map<number, Pending>, error: Error): void {
  for (const waiting of pending.values()) waiting.reject(error)
  pending.clear()
}
