import { spawn } from 'node:child_process'

/** A command that ended otherwise than with 0; `output` is everything that it said. */
export class CommandError extends Error {
  constructor(command, code, output) {
    super(`${command} ended with ${code}:\n${output.trim()}`)
    this.name = 'CommandError'
    this.output = output
  }
}

/** Runs a command to its end and returns what it said. Nothing is shown meanwhile: the caller shows progress. */
export function run(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new CommandError([command, ...args].join(' '), code ?? signal, output))
    })
  })
}

/** npm as it was called, where we were started by it; otherwise the one on PATH. Its errors are wanted even under `npm --silent`. */
export function npm(given, options) {
  const args = [...given, '--loglevel=warn']
  const script = process.env.npm_execpath
  return script?.endsWith('.js') ? run(process.execPath, [script, ...args], options) : run('npm', args, options)
}

/** Runs a command that the user sees and steers; resolves to its exit code. */
export function attached(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}
