import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Problem } from '../../problem.ts'
import type { Storage } from '../storage.ts'
import type { Access } from './stores.ts'
import type { Call, Close, Reply, ThreadData } from './thread.ts'

type Pending = { resolve(value: unknown): void; reject(error: Error): void }
type Thread = {
  names: Record<string, string[]>
  call(store: string, method: string, args: unknown[]): Promise<unknown>
  close(): Promise<void>
}

/** Opens `sqlite:<file>`: one writing thread (none when `readOnly`) and one reading thread, behind the storage port. */
export async function open(url: string, { readOnly = false }: { readOnly?: boolean } = {}): Promise<Storage> {
  const file = resolve(url.replace(/^sqlite:(\/\/)?/, ''))
  mkdirSync(dirname(file), { recursive: true })
  // The writer migrates before the reader looks.
  const writer = readOnly ? undefined : await startThread({ file, access: 'write' })
  const reader = await startThread({ file, access: 'read' })

  const storage: Record<string, unknown> = {
    ping: async () => {
      await Promise.all([reader.call('health', 'ping', []), writer?.call('health', 'pingWrite', [])])
    },
    close: async () => {
      await writer?.close()
      await reader.close()
    },
  }
  for (const thread of [reader, writer]) {
    for (const [store, methods] of Object.entries(thread?.names ?? {})) {
      const target = (storage[store] ??= {}) as Record<string, unknown>
      for (const method of methods) target[method] = (...args: unknown[]) => (thread as Thread).call(store, method, args)
    }
  }
  return storage as Storage
}

async function startThread(data: ThreadData): Promise<Thread> {
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: data, name: `sqlite ${data.access satisfies Access}` })
  const pending = new Map<number, Pending>()
  let lastId = 0
  let closing = false

  const names = await new Promise<Record<string, string[]>>((resolve, reject) => {
    worker.once('message', (message: { ready: Record<string, string[]> }) => resolve(message.ready))
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the SQLite thread ended with code ${code} while opening ${data.file}`)))
  })
  worker.on('message', (replies: Reply[]) => {
    for (const reply of replies) settle(pending, reply)
  })
  worker.on('error', (error) => failAll(pending, error))
  worker.on('exit', () => {
    failAll(pending, new Error('the SQLite thread ended'))
    // Without its thread a process can only refuse; a supervisor that starts it anew can do better.
    if (!closing) throw new Error(`the SQLite thread for ${data.access} ended unexpectedly`)
  })

  return {
    names,
    call: (store, method, args) =>
      new Promise((resolve, reject) => {
        if (closing) return reject(new Error('the storage is closed'))
        const call: Call = { id: ++lastId, store, method, args }
        pending.set(call.id, { resolve, reject })
        worker.postMessage(call)
      }),
    async close() {
      if (closing) return
      closing = true
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage({ close: true } satisfies Close)
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
