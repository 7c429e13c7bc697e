import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Context } from 'hono'
import type { App, AppEnv } from '../../../shared/http/app.ts'
import { Problem } from '../../../shared/problem.ts'

/** Script and style from here alone, nothing inline, no other origin, no frame around it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

type File = { type: string; bytes: Uint8Array; zipped: Uint8Array }
type Files = Map<string, File>

/** The console: one page for all its views, and the hashed files that it loads. */
export function addConsoleRoutes(app: App, folder: string = fileURLToPath(new URL('../console/', import.meta.url))): void {
  let loading: Promise<Files> | undefined
  const files = () => (loading ??= load(folder))

  const page = async (c: Context<AppEnv>) => send(c, (await files()).get('index.html'), 'no-cache')
  app.get('/', (c) => c.redirect('/console/', 302))
  app.get('/console', page)
  app.get('/console/*', async (c) => {
    const name = c.req.path.slice('/console/'.length)
    // the names carry a hash of what is in them: they never change
    if (name.startsWith('assets/')) return send(c, (await files()).get(name), 'public, max-age=31536000, immutable')
    return page(c)
  })
}

/** Read once: what is served is a handful of files whose names are known, and no path of a request reaches the disk. */
async function load(folder: string): Promise<Files> {
  const found = await readdir(folder, { recursive: true }).catch(() => [])
  const files: Files = new Map()
  for (const name of found.map((path) => path.replaceAll('\\', '/'))) {
    const type = types[name.split('.').pop() ?? '']
    if (!type) continue
    const bytes = new Uint8Array(await readFile(`${folder}/${name}`))
    files.set(name, { type, bytes, zipped: gzipSync(bytes) })
  }
  return files
}

function send(c: Context<AppEnv>, file: File | undefined, caching: string): Response {
  if (!file) throw new Problem('not_found', 'the console has no such file; where it was never built, `npm run build` does so')
  const headers: Record<string, string> = {
    'content-type': file.type,
    'cache-control': caching,
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    vary: 'accept-encoding',
  }
  const zips = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
  if (zips) headers['content-encoding'] = 'gzip'
  return c.body((zips ? file.zipped : file.bytes) as Uint8Array<ArrayBuffer>, 200, headers)
}
