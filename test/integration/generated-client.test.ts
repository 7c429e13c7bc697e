import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { generateSource } from 'oazapfts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type Serving } from '../../shared/http/serve.ts'
import { inRepository } from '../support/deployment.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'
import { createStatusApp } from '../../services/status/app.ts'

/** A program against the client that was made from the reference: wrong members do not compile. */
const program = `
import * as client from './client.js'
import { ok } from '@oazapfts/runtime'

// @ts-expect-error: no webhook has such a member
export const misspelt = () => client.postWebhooks({ url: 'https://example.com/hooks', labell: 'first' })

export async function run(baseUrl: string, key: string) {
  Object.assign(client.defaults, { baseUrl, headers: { authorization: \`Bearer \${key}\` } })
  const made = await ok(client.postWebhooks({ url: 'https://example.com/hooks', label: 'generated' }))
  const id: string = made.id
  const secret: string = made.secret
  await ok(client.postWebhooksIdSubscriptions(id, { event_type: 'table.*', filters: { domains: ['Sales'] } }))
  const listed = await ok(client.getWebhooks({ limit: 10 }))
  const refused = await client.postWebhooks({ url: 'ftp://example.com' })
  return { id, secret, labels: listed.data.map(({ label }) => label), status: refused.status, fields: refused.status === 422 ? refused.data.errors?.map(({ field }) => field) : [] }
}
`
const options = [
  '--target',
  'es2023',
  '--lib',
  'es2023,dom,dom.iterable',
  '--module',
  'nodenext',
  '--strict',
  '--types',
  '',
  '--skipLibCheck',
]

let folder: string
let status: StatusApp
let serving: Serving
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-client-'))
  status = await openStatusApp()
  serving = await serve(createStatusApp(status.deps).fetch, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await serving.stop()
  await status.close()
  await rm(folder, { recursive: true })
})

describe('a TypeScript client made from the reference', () => {
  it('compiles, knows the members of bodies, and talks to Tidings', async () => {
    const document = (await status.call('GET', '/openapi.json')).text
    await writeFile(join(folder, 'openapi.json'), document)
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(join(folder, 'client.ts'), await generateSource(join(folder, 'openapi.json')))
    await writeFile(join(folder, 'program.ts'), program)
    await symlink(inRepository('node_modules'), join(folder, 'node_modules'))

    const compiler = createRequire(import.meta.url)
      .resolve('typescript/package.json')
      .replace('package.json', 'bin/tsc')
    execFileSync(process.execPath, [compiler, ...options, 'client.ts', 'program.ts'], { cwd: folder, encoding: 'utf8' })
    const { run } = (await import(pathToFileURL(join(folder, 'program.js')).href)) as { run(url: string, key: string): Promise<unknown> }

    expect(await run(serving.url, await status.makeKey(['write', 'read']))).toEqual({
      id: expect.any(String) as string,
      secret: expect.stringMatching(/^whsec_/) as string,
      labels: ['generated'],
      status: 422,
      fields: ['url'],
    })
  })
})
