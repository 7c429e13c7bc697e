import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { cp, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type * as receiverKit from '../../shared/receiver/index.ts'
import { eventually } from '../support/eventually.ts'
import { sixthSystem } from '../support/sixth-system.ts'
import { startSystem, type System } from '../support/system.ts'

/** A sixth system: a copy of the sources, three files more, the compiler, and all of it started. */
const root = fileURLToPath(new URL('../../../', import.meta.url))
const [secret, outgoing] = ['the-secret-of-the-beacon', 'the-secret-of-its-receiver']
let folder: string
let system: System

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-sixth-'))
  for (const part of ['services', 'shared', 'package.json', 'tsconfig.json'])
    await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  // `wx`: it would fail were one of them there already
  for (const [path, text] of Object.entries(sixthSystem)) await writeFile(join(folder, path), text, { flag: 'wx' })
  await compile()
  // as the build does it: what is not TypeScript is copied
  const migrations = 'shared/storage/sqlite/migrations'
  await cp(join(folder, migrations), join(folder, 'dist', migrations), { recursive: true })
  system = await startSystem({ compiled: pathToFileURL(join(folder, 'dist/')) })
}, 120_000)
afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Here the new files are held against the contracts: what they get wrong of the types fails the test. */
async function compile(): Promise<void> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder }).catch(
    ({ stdout, message }: { stdout?: string; message: string }) => {
      throw new Error(stdout || message)
    },
  )
}

const kit = (): Promise<typeof receiverKit> =>
  import(pathToFileURL(join(folder, 'dist/shared/receiver/index.js')).href) as Promise<typeof receiverKit>

/** As the system itself signs: written a second time, so that the scheme is not its own witness. */
function signed(body: string, key = secret): Record<string, string> {
  const time = String(Math.floor(Date.now() / 1000))
  const proof = createHmac('sha512', key)
    .update(body + time)
    .digest('base64url')
  return { 'content-type': 'application/json', 'X-Beacon-Time': time, 'X-Beacon-Proof': proof }
}

describe('a sixth system', () => {
  it('is one adapter file, one format file and one scheme file', async () => {
    const paths = Object.keys(sixthSystem)
    expect(paths.map(dirname)).toEqual(['services/ingest/sources', 'shared/payload/formats', 'shared/signing/schemes'])
    for (const path of paths) {
      const [before, after] = await Promise.all([root, folder].map((at) => readdir(join(at, dirname(path)))))
      expect(after?.filter((name) => !before?.includes(name))).toEqual(['beacon.ts'])
    }
  })

  it('reports in its words and is answered in them; its receivers get its words with its proof, and the kit verifies it', async () => {
    const { api, ingest, receiver } = system
    const inbox = receiver.at('/beacon')
    await api.steer(201, 'POST', '/sources', { name: 'lights', adapter: 'beacon', secret })
    const webhook = await api.createWebhook({ url: inbox.url, format: 'beacon', scheme: 'beacon', secret: outgoing })
    await api.subscribe(webhook.id, 'lamp.*')
    const post = async (body: string, headers: Record<string, string>) => {
      const answer = await fetch(`${ingest.url}/sources/lights/events`, { method: 'POST', body, headers })
      return { status: answer.status, text: await answer.text() }
    }
    const lit = '{"serial":"b1","kind":"lamp","turned":"lit","thing":"north","at":1776243603000}'
    const unturned = '{"serial":"b2","kind":"lamp"}'

    expect(await post(lit, signed(lit))).toEqual({ status: 200, text: '{"heard":true}' })
    expect(await post(lit, signed(lit))).toEqual({ status: 200, text: '{"heard":true}' })
    expect(await post(lit, signed(lit, 'another'))).toMatchObject({ status: 401 })
    expect(await post(lit, { 'content-type': 'application/json' })).toMatchObject({ status: 401 })
    expect(await post(unturned, signed(unturned))).toMatchObject({ status: 422, text: expect.stringContaining('"field":"turned"') })

    const { body, headers } = await inbox.request(1)
    expect(body).toBe(lit)
    const { verify, VerificationError } = await kit()
    const request = { scheme: 'beacon', secrets: [outgoing], headers, body }
    verify(request)
    for (const wrong of [{ secrets: [secret] }, { body: `${body} ` }, { now: Date.now() + 301_000 }])
      expect(() => verify({ ...request, ...wrong })).toThrow(VerificationError)

    await eventually(async () => {
      const { data } = await api.steer<{ data: unknown[] }>(200, 'POST', '/webhook-deliveries/filter', {})
      expect(data).toMatchObject([{ status: 'succeeded', event_type: 'lamp.lit', entity_name: 'north', attempts: 1 }])
    })
    // sent twice, accepted once
    expect(inbox.requests).toHaveLength(1)
  })

  it('is offered by the API beside the others', async () => {
    const wrong = { url: 'https://example.com/', format: 'none', scheme: 'none' }
    const { errors } = await system.api.steer<{ errors: { field: string; message: string }[] }>(422, 'POST', '/webhooks', wrong)
    for (const field of ['format', 'scheme']) expect(errors.find((error) => error.field === field)?.message).toContain('beacon')
  })
})
