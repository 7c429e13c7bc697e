import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A Chromium of this machine: the one that `CHROMIUM_BIN` names, or one where systems put it. Undefined: there is none. */
export const chromiumPath: string | undefined = [process.env['CHROMIUM_BIN'], ...places].find(
  (path) => path !== undefined && existsSync(path),
)

export const openBrowser = (): Promise<Browser> =>
  // as root, which test machines often are, Chromium starts without its sandbox only; what it opens is ours
  chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** A page, and what must not happen on it: faults of scripts, violations of the policy, requests to another host. */
export type Watched = { page: Page; context: BrowserContext; faults: string[]; requests: string[] }

export async function watchedPage(browser: Browser, options: Parameters<Browser['newContext']>[0] = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => faults.push(`fault: ${error.message}`))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // a refused request is shown there too, and may be what a test asks for
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(`console: ${message.text()}`)
  })
  context.on('request', (request) => requests.push(request.url()))
  return { page, context, faults, requests }
}
