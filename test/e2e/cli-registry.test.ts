import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCli, rowsOf, type Cli } from '../support/cli.ts'
import { launch, type Launched } from '../support/standalone.ts'

let folder: string
let tidings: Launched
let cli: Cli
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-cli-'))
  tidings = await launch(join(folder, 'data'), { DISPATCHERS: '1' })
  cli = createCli({ TIDINGS_URL: tidings.url, DATA_DIR: join(folder, 'data') }, folder)
})
afterAll(async () => {
  await tidings.destroy()
  await rm(folder, { recursive: true, force: true })
})
const json = async (...args: string[]) => rowsOf((await cli.run(['--json', ...args])).out)

describe('tidings plan, apply and drift', () => {
  const file = `
event_types:
  table.updated: { description: A table changed. }
sources:
  catalog: { adapter: openmetadata, secret: '\${CATALOG_SECRET}' }
webhooks:
  alpha: { url: 'http://127.0.0.1:9/a', secret: '\${ALPHA}', headers: { x-team: sales }, subscriptions: ['table.*'], fallback: beta }
  beta: { url: 'http://127.0.0.1:9/b', rate_limit: 10 }
`
  const env = { CATALOG_SECRET: 'catalog-secret', ALPHA: 'alpha-secret-of-its-own' }
  const actions = (text: string) => rowsOf(text).map(({ action }) => action)

  it('make Tidings have what a file says, twice as good as once', async () => {
    await writeFile(join(folder, 'tidings.yaml'), file)
    expect(await cli.run(['plan'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('tidings.yaml:5: sources.catalog.secret: the variable') as string,
    })
    expect((await cli.run(['plan'], { env })).code).toBe(2)
    const applied = await cli.run(['apply', '--json'], { env })
    expect([applied.code, actions(applied.out)]).toEqual([0, ['create', 'create', 'create', 'create']])

    expect(await cli.run(['apply'], { env })).toMatchObject({ code: 0, out: 'Nothing to change.\n' })
    expect((await cli.run(['plan'], { env })).code).toBe(0)
    expect((await cli.run(['drift'])).code).toBe(0)
    const [alpha] = await json('webhooks', 'get', 'alpha')
    const [beta] = await json('webhooks', 'get', 'beta')
    expect(alpha).toMatchObject({ fallback: beta?.id })
  })

  it('find what has drifted, put it right, and remove what is left out when told to', async () => {
    await cli.run(['webhooks', 'update', 'beta', '--set', 'rate_limit=99'])
    const drift = await cli.run(['drift', '--json'])
    expect([drift.code, rowsOf(drift.out).filter(({ action }) => action !== 'keep')]).toMatchObject([
      2,
      [{ name: 'beta', action: 'change', differences: [{ member: 'rate_limit', from: 99, to: 10 }] }],
    ])
    expect((await cli.run(['apply'], { env })).out).toMatch(/rate_limit +99 → 10/)

    await writeFile(join(folder, 'less.yaml'), file.replace(/ {2}beta.*\n/, '').replace(', fallback: beta', ''))
    expect(await cli.run(['apply', '-f', 'less.yaml', '--prune'], { env })).toMatchObject({
      code: 2,
      err: expect.stringContaining('- webhook beta') as string,
    })
    expect((await cli.run(['webhooks', 'get', 'beta'])).code).toBe(0)
    const pruned = await cli.run(['apply', '-f', 'less.yaml', '--prune', '--yes', '--json'], { env })
    expect(actions(pruned.out)).toEqual(['change', 'delete'])
    expect((await cli.run(['plan', '-f', 'less.yaml', '--prune'], { env })).code).toBe(0)
    expect((await cli.run(['apply', '-f', 'less.yaml', '--secrets', '--json'], { env })).out).not.toMatch(/-secret/)
  })

  it('name the place in the file of what Tidings refuses', async () => {
    await writeFile(join(folder, 'refused.yaml'), "webhooks:\n  inside:\n    rate_limit: 5\n    url: 'http://10.0.0.1/'\n")
    const { code, err } = await cli.run(['apply', '-f', 'refused.yaml'])
    expect(code).toBe(1)
    expect(err).toMatch(/^tidings: refused\.yaml:4: webhooks\.inside\.url: /)
  })
})

describe('tidings up', () => {
  it('is npm start with flags', async () => {
    const other = join(folder, 'other')
    const running = cli.start(['up', '--port', '0', '--data-dir', other, '--dispatchers', '1'])
    const [, url = ''] = await running.said(/API +(\S+)/)
    const { code } = await createCli(
      { TIDINGS_URL: url, TIDINGS_API_KEY: (await readFile(join(other, 'admin.key'), 'utf8')).trim() },
      folder,
    ).run(['webhooks', 'list'])
    running.signal('SIGTERM')

    expect(code).toBe(0)
    expect((await running.ended).code).toBe(0)
  })
})
