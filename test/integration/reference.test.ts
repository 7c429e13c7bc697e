import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

let status: StatusApp
beforeAll(async () => {
  status = await openStatusApp()
})
afterAll(() => status.close())

const open = (path: string) => status.call('GET', path)

describe('the reference', () => {
  it('is an OpenAPI 3.1 document in which every reference leads somewhere and every operation has its own name', async () => {
    const { status: code, body, text } = await open('/openapi.json')

    expect(code).toBe(200)
    expect(body).toMatchObject({ openapi: '3.1.0', components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } } })
    const { schemas } = body.components as { schemas: Record<string, unknown> }
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name as string)
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter((name) => !(name in schemas))).toEqual([])
    expect(text).not.toMatch(/#\/\$defs|__schema/)
    const names = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('is for who may read, and asks a browser for a key', async () => {
    for (const path of ['/openapi.json', '/docs', '/docs/reference.js', '/docs/swagger-ui.css']) {
      const answer = await status.call('GET', path, undefined, { key: null })
      expect([answer.status, answer.headers.get('www-authenticate')], path).toEqual([401, expect.stringMatching(/^Basic /)])
      expect((await status.call('GET', path, undefined, { key: await status.makeKey(['ingest']) })).status, path).toBe(403)
    }
  })

  it('explains every member that a webhook is made of', async () => {
    const { body } = await open('/openapi.json')
    const { schemas } = body.components as {
      schemas: Record<string, { properties: Record<string, { description?: string; anyOf?: { description?: string }[] }> }>
    }

    const silent = Object.entries(schemas.WebhookInput?.properties ?? {}).filter(
      ([, { description, anyOf }]) => !description && !anyOf?.some((form) => form.description),
    )

    expect(silent).toEqual([])
  })

  it('is shown with assets of this server alone, and without a script in the page', async () => {
    const page = await open('/docs')

    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(page.text).not.toMatch(/https?:|<script>|javascript:| on\w+=/)
    for (const [, asset] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) expect((await open(asset as string)).status, asset).toBe(200)
    expect((await open('/docs/package.json')).status).toBe(404)
    expect((await open('/docs/..%2fpackage.json')).status).toBe(404)
  })
})

describe('health', () => {
  it('is answered without a key', async () => {
    expect(await status.call('GET', '/healthz', undefined, { key: null })).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await open('/readyz')).toMatchObject({ status: 200, body: { dependencies: { storage: 'ok' } } })
  })

  it('says which dependency is wrong', async () => {
    const dependencies = { storage: 'ok', redis: 'the connection is closed' }
    const sick = await openStatusApp({ ready: async () => dependencies })

    const answer = await sick.call('GET', '/readyz', undefined, { key: null })
    await sick.close()

    expect(answer).toMatchObject({ status: 503, body: { status: 'not ready', dependencies } })
  })
})
