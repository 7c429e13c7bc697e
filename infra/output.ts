import { execFile } from 'node:child_process'

type Options = { env: Record<string, string | undefined>; cwd?: string; timeoutMs: number }

/** Runs a short command to its end; rejects with its last line when it fails or takes too long. */
export const output = (command: string, args: string[], { timeoutMs, ...options }: Options): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(command, args, { ...options, timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (!error) resolve(stdout)
      else if (error.killed) reject(new Error(`no end within ${timeoutMs / 1000} s`))
      else reject(new Error(stderr.trim().split('\n').at(-1) || error.message))
    })
  })
