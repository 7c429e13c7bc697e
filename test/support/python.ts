import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { eventually } from './eventually.ts'

/**
 * Runs the Python of the catalogs' own guides, as it is printed there. Flask is taken where it is installed; else, and for
 * FastAPI, a small module of that name over the standard library has the little that the guides use.
 */
const flask = `
import json, types
from http.server import BaseHTTPRequestHandler, HTTPServer
class _Request:
    def get_data(self, as_text=False): return self._body.decode() if as_text else self._body
    def get_json(self): return json.loads(self._body)
    json = property(get_json)
request = _Request()
def jsonify(value): return value
class Flask:
    def __init__(self, name): self.routes = {}
    def route(self, path, methods=('GET',)): return lambda handle: self.routes.update({path: handle}) or handle
    def post(self, path): return self.route(path, ['POST'])
    def run(self, host, port, threaded):
        routes = self.routes
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request._body = self.rfile.read(int(self.headers.get('content-length', 0)))
                request.headers = self.headers
                body, status = routes[self.path]()
                answer = json.dumps(body).encode()
                self.send_response(status)
                self.send_header('content-type', 'application/json')
                self.send_header('content-length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            def log_message(self, *args): pass
        HTTPServer((host, port), Handler).serve_forever()
`

const fastapi = `
import asyncio, json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class HTTPException(Exception):
    def __init__(self, status_code, detail): self.status_code, self.detail = status_code, detail
class Request:
    def __init__(self, headers, body): self.headers, self._body = headers, body
    async def body(self): return self._body
class FastAPI:
    def __init__(self): self.routes = {}
    def post(self, path): return lambda handle: self.routes.update({path: handle}) or handle
    def serve(self, host, port):
        routes = self.routes
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get('content-length', 0)))
                try:
                    status, value = 200, asyncio.run(routes[self.path](Request(self.headers, body)))
                except HTTPException as error:
                    status, value = error.status_code, {'detail': error.detail}
                answer = json.dumps(value).encode()
                self.send_response(status)
                self.send_header('content-type', 'application/json')
                self.send_header('content-length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            def log_message(self, *args): pass
        ThreadingHTTPServer((host, port), Handler).serve_forever()
`

/** The Flask that is installed goes first; a real FastAPI would need a server that is not part of it, so ours does. */
const preamble = `
import json, os, sys
sys.stdout.reconfigure(line_buffering=True)
sys.path.append(os.path.join(os.environ['SMALL_MODULES'], 'last'))
sys.path.insert(0, os.path.join(os.environ['SMALL_MODULES'], 'first'))
PORT = int(os.environ['PORT'])
`

export type PythonProcess = { url: string; lines(): string[]; ended: Promise<number | null>; stop(): Promise<void> }
export type Python = {
  /** Starts a program and resolves when it listens; `PORT` is its port. */
  serve(code: string, env?: Record<string, string>, port?: number): Promise<PythonProcess>
  /** Runs a program to its end and resolves with what it printed. */
  run(code: string, env?: Record<string, string>): Promise<string[]>
  stop(): Promise<void>
}

/** Undefined where there is no `python3`. */
export async function openPython(freePort: () => Promise<number>): Promise<Python | undefined> {
  const isHere = await new Promise<boolean>((resolve) => {
    spawn('python3', ['-c', 'import http.server, hmac'], { stdio: 'ignore' })
      .once('error', () => resolve(false))
      .once('exit', (code) => resolve(code === 0))
  })
  if (!isHere) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'tidings-python-'))
  const modules = { 'first/fastapi.py': fastapi, 'last/flask.py': flask }
  for (const [path, text] of Object.entries(modules)) {
    await mkdir(dirname(join(folder, path)))
    await writeFile(join(folder, path), text)
  }
  const children = new Set<ChildProcess>()
  let number = 0

  async function start(code: string, env: Record<string, string>, port: number) {
    const file = join(folder, `program-${++number}.py`)
    await writeFile(file, preamble + code)
    const child = spawn('python3', [file], {
      env: { ...process.env, SMALL_MODULES: folder, PORT: String(port), PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.add(child)
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text))
    const ended = once(child, 'close').then(([status]) => {
      children.delete(child)
      return status as number | null
    })
    return { child, said, ended, lines: () => said.stdout.split('\n').filter(Boolean) }
  }

  async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }

  return {
    async serve(code, env = {}, given) {
      const port = given ?? (await freePort())
      const { child, said, ended, lines } = await start(code, env, port)
      const url = `http://127.0.0.1:${port}`
      await eventually(async () => {
        if (child.exitCode !== null) throw new Error(said.stderr)
        await fetch(url).then((answer) => answer.arrayBuffer())
      })
      return { url, lines, ended, stop: () => end(child, ended) }
    },
    async run(code, env = {}) {
      const { said, ended, lines } = await start(code, env, 0)
      const status = await ended
      if (status !== 0) throw new Error(`python3 ended with ${status}:\n${said.stderr}`)
      return lines()
    },
    async stop() {
      for (const child of children) child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
