import type { App } from './app.ts'

/** `/healthz`: the process lives. `/readyz`: it can do its work; 503 with the reason for each dependency when not. */
export function mountHealth(app: App, ready: () => Promise<Record<string, string>>): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const dependencies = await ready()
    const isReady = Object.values(dependencies).every((state) => state === 'ok')
    return c.json({ status: isReady ? 'ok' : 'not ready', dependencies }, isReady ? 200 : 503)
  })
}
