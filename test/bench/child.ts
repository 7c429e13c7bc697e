import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process of the benchmark's own: the sink, a peer. Asked over its channel, so that nothing it does costs another's time. */
export type Child = {
  pid: number
  ask<T>(name: string, ...args: unknown[]): Promise<T>
  stop(): Promise<void>
}
type Question = { id: number; name: string; args: unknown[] }
type Reply = { id: number; value?: unknown; error?: string }
type Pending = { resolve(value: unknown): void; reject(error: Error): void }

/** @param file name of the script beside this one, without its end */
export async function startChild(file: string, args: string[] = []): Promise<Child> {
  const child = fork(fileURLToPath(new URL(`./${file}.js`, import.meta.url)), args, {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const pending = new Map<number, Pending>()
  let lastId = 0
  const exited = once(child, 'exit').then(() => {
    for (const waiting of pending.values()) waiting.reject(new Error(`the benchmark's ${file} ended`))
  })
  await Promise.race([once(child, 'message'), exited])
  child.on('message', ({ id, value, error }: Reply) => {
    const waiting = pending.get(id)
    pending.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(`${file}: ${error}`))
  })
  return {
    pid: child.pid ?? 0,
    ask: <T>(name: string, ...args: unknown[]) =>
      new Promise<T>((resolve, reject) => {
        pending.set(++lastId, { resolve: resolve as (value: unknown) => void, reject })
        child.send({ id: lastId, name, args } satisfies Question)
      }),
    async stop() {
      child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(timer)
    },
  }
}

/** The other side: answers what is asked, and ends with who asks. */
export function answer(methods: Record<string, (...args: never[]) => unknown>): void {
  process.on('message', ({ id, name, args }: Question) => {
    const method = methods[name] as (...args: unknown[]) => unknown
    Promise.resolve()
      .then(() => method(...args))
      .then(
        (value) => process.send?.({ id, value } satisfies Reply),
        (error: Error) => process.send?.({ id, error: error.message } satisfies Reply),
      )
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ ready: true })
}
