import { once } from 'node:events'
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { Problem, type FieldError, type ProblemCode } from '../../problem.ts'
import { openDatabase, migrate, type Driver } from './database.ts'
import { stores, type Access } from './stores.ts'

/**
 * The thread that owns one connection. The writer takes all calls that have arrived, runs them in one transaction,
 * commits once and answers them together: group commit. A call that fails takes none of the others with it. The reader
 * has a connection of its own, so that a heavy filter waits for nobody and stalls nobody.
 */
export type Call = { id: number; store: string; method: string /** As they are, or as JSON text. */; args: unknown[] | string }
/** Sent last: what came before it is done first. */
export type Close = { close: true }
export type Reply = {
  id: number
  value?: unknown
  fault?: { message: string; stack?: string | undefined }
  problem?: { code: ProblemCode; message: string; errors?: FieldError[] | undefined }
}
export type ThreadData = { file: string; access: Access; driver: Driver }

/** Bounds how long the first caller of a group waits for the last. */
const groupMs = 5
const groupCalls = 1_000

const { file, access, driver } = workerData as ThreadData
const port = parentPort as MessagePort
// Loading the modules takes longer than all the rest: done before the word to open, while the other thread does the same.
await once(port, 'message')
const db = openDatabase(file, { readOnly: access === 'read', driver })
if (access === 'write') {
  migrate(db)
  db.$client.pragma('busy_timeout = 0')
}
const methods = stores(db, access)

function execute(call: Call): Reply {
  const method = methods[call.store]?.[call.method]
  if (!method) return { id: call.id, fault: { message: `no ${access} method ${call.store}.${call.method}` } }
  try {
    const args = typeof call.args === 'string' ? (JSON.parse(call.args) as unknown[]) : call.args
    return { id: call.id, value: method(...args) }
  } catch (error) {
    if (error instanceof Problem) return { id: call.id, problem: { code: error.code, message: error.message, errors: error.errors } }
    return { id: call.id, fault: { message: (error as Error).message, stack: (error as Error).stack } }
  }
}

const failed = (reply: Reply) => reply.fault !== undefined || reply.problem !== undefined

const savepoint = db.$client.prepare('SAVEPOINT one')
const release = db.$client.prepare('RELEASE one')

function executeInSavepoint(call: Call): Reply {
  savepoint.run()
  const reply = execute(call)
  if (failed(reply)) db.$client.exec('ROLLBACK TO one; RELEASE one')
  else release.run()
  return reply
}

/** Longer than any other process writes at a stretch; beyond it something is wrong, and callers must hear of it. */
const patienceMs = 15_000
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Several processes write to one file. SQLite's own waiting looks every 100 ms in the end, and one that writes all the time
 * leaves gaps of less: who looks every millisecond gets its turn.
 */
function beginImmediate(): void {
  for (const until = performance.now() + patienceMs; ; ) {
    try {
      db.$client.exec('BEGIN IMMEDIATE')
      return
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || performance.now() > until) throw error
      Atomics.wait(sleeper, 0, 0, 1)
    }
  }
}

/**
 * A savepoint copies each page that is then changed, which costs more than most calls do: only where one failed, which is
 * seldom, is all taken back and each run again in a savepoint of its own.
 */
function executeGroup(first: Call[]): Reply[] {
  const calls = [...first]
  const until = performance.now() + groupMs
  try {
    return commitAll(calls, until, execute) ?? (commitAll(calls, until, executeInSavepoint) as Reply[])
  } catch (error) {
    // The commit itself failed (disk full, I/O error): nothing of the group is stored, and every caller must hear it.
    rollback()
    return calls.map((call) => ({
      id: call.id,
      fault: { message: `commit failed: ${(error as Error).message}`, stack: (error as Error).stack },
    }))
  }
}

/** @param calls grows by those that arrive meanwhile @returns undefined, with nothing done: one of them has to be taken back alone */
function commitAll(calls: Call[], until: number, run: (call: Call) => Reply): Reply[] | undefined {
  const replies: Reply[] = []
  beginImmediate()
  while (replies.length < calls.length) {
    for (const call of calls.slice(replies.length)) {
      const reply = run(call)
      if (run === execute && failed(reply)) return rollback()
      replies.push(reply)
    }
    calls.push(...moreCalls(replies.length, until))
  }
  db.$client.exec('COMMIT')
  return replies
}

function rollback(): undefined {
  if (db.$client.inTransaction) db.$client.exec('ROLLBACK')
}

function moreCalls(done: number, until: number): Call[] {
  if (done >= groupCalls || performance.now() > until) return []
  const message = (receiveMessageOnPort(port) as { message: Call[] | Close } | undefined)?.message
  if (!message) return []
  if (Array.isArray(message)) return message
  closing = true
  return []
}

let closing = false
function close(): void {
  db.$client.close()
  port.close()
}

port.on('message', (message: Call[] | Close) => {
  if (!Array.isArray(message)) return close()
  port.postMessage(access === 'read' ? message.map(execute) : executeGroup(message))
  if (closing) close()
})

const names = Object.fromEntries(Object.entries(methods).map(([store, entries]) => [store, Object.keys(entries)]))
port.postMessage({ ready: names })
