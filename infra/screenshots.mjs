import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProgress } from './progress.mjs'
import { runEntry, setUp, SetupError } from './setup.mjs'
import { addTrouble, lookUp } from './screenshots/scene.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const browsers = [process.env.CHROMIUM_BIN, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const sizes = { wide: { width: 1280, height: 860 }, narrow: { width: 420, height: 860 } }
const settleMs = 700

/** `npm run screenshots [folder]`: a day of the demo, some trouble, and then each view of the console, light and dark, wide and narrow. */
await runEntry(async () => {
  await setUp()
  const folder = resolve(process.argv[2] ?? join(root, 'data/screenshots'))
  const executablePath = browsers.find((path) => path && existsSync(path))
  if (!executablePath) throw new SetupError('There is no Chromium here: apt-get install chromium, or name one with CHROMIUM_BIN.')
  mkdirSync(folder, { recursive: true })
  const progress = createProgress()
  const demo = await progress.step('playing a day of the demo', startDemo)
  try {
    await progress.step('making some trouble', () => addTrouble(demo))
    const ids = await lookUp(demo)
    const { chromium } = await import('playwright-core')
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    for (const [size, viewport] of Object.entries(sizes))
      for (const colorScheme of ['light', 'dark'])
        await progress.step(`taking them, ${size} and ${colorScheme}`, () =>
          shoot(browser, { ...demo, ids, folder, size, viewport, colorScheme }),
        )
    await browser.close()
  } finally {
    await demo.stop()
  }
  progress.say(`  they are in ${folder}`)
})

/** The demo as anybody can run it, kept running at its end. */
async function startDemo() {
  const child = spawn(process.execPath, ['infra/demo.mjs', '--keep', '--json', '--events', '300'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = async () => {
    child.kill('SIGINT')
    if (child.exitCode === null) await once(child, 'exit')
  }
  let [text, said] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk) => (said += chunk))
  await new Promise((done, failed) => {
    child.on('exit', () => failed(new Error(`the demo ended: ${said.slice(-2_000)}`)))
    child.stdout.on('data', () => {
      if (text.trimEnd().endsWith('\n}')) done()
    })
  }).catch(async (error) => {
    await stop()
    throw error
  })
  const { tidings, look } = JSON.parse(text)
  const key = /tdk_[\w-]+/.exec(look.log)[0]
  return { url: tidings.url, key, stop }
}

/** @returns {[name: string, path: string, act?: (page: import('playwright-core').Page) => Promise<unknown>][]} */
function views({ ids }) {
  return [
    ['overview', ''],
    ['deliveries', 'deliveries'],
    ['deliveries-failed', 'deliveries?where=status:in:failed,retrying&where=created_at:gte:-24h'],
    ['deliveries-filter', 'deliveries?where=status:in:failed', (page) => page.getByRole('button', { name: 'Filter', exact: true }).click()],
    ['deliveries-selected', 'deliveries?where=status:in:failed', selectSome],
    ['deliveries-json', `deliveries?filter=${encodeURIComponent('{"or": [{"field": "status", "op": "eq", "value": "failed"}]}')}`],
    ['deliveries-empty', 'deliveries?where=entity_name:eq:nowhere'],
    ['redeliver', 'deliveries?where=status:in:failed', (page) => page.getByRole('button', { name: 'Redeliver all that match' }).click()],
    ['delivery', `deliveries/${ids.delivered}`],
    [
      'delivery-retrying',
      `deliveries/${ids.retrying}`,
      (page) =>
        page
          .getByText('Check the signature')
          .click({ timeout: 2_000 })
          .catch(() => {}),
    ],
    ['delivery-unknown', 'deliveries/unknown'],
    ['event', `events/${ids.event}`],
    ['webhooks', 'webhooks'],
    ['webhook', `webhooks/${ids.webhook}`, (page) => page.getByRole('button', { name: 'Send a test event' }).click()],
    ['webhook-failing', `webhooks/${ids.failing}`],
    ['webhook-edit', `webhooks/${ids.webhook}/edit`],
    ['webhook-new', 'webhooks/new', (page) => page.getByLabel('Format').selectOption('slack')],
    ['rotate', `webhooks/${ids.webhook}`, (page) => page.getByRole('button', { name: 'Rotate secret' }).click()],
    ['sources', 'sources'],
    ['source', `sources/${ids.source}`],
    ['source-new', 'sources', (page) => page.getByRole('button', { name: 'Register a source' }).click()],
    ['event-types', 'event-types'],
    ['keys', 'keys'],
    ['key-new', 'keys', (page) => page.getByRole('button', { name: 'New key' }).click()],
    ['audit', 'audit', (page) => page.locator('.audit summary').first().click()],
    ['shortcuts', '', (page) => page.keyboard.press('?')],
  ]
}

async function selectSome(page) {
  await page.getByRole('listbox').focus()
  for (const key of ['Home', 'Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
}

async function shoot(browser, scene) {
  const { url, key, folder, size, viewport, colorScheme } = scene
  const context = await browser.newContext({ viewport, colorScheme })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const take = async (name) => page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`) })
  await page.goto(`${url}/console/`)
  await page.getByLabel('API key').waitFor()
  await take('sign-in')
  await page.getByLabel('API key').fill(key)
  await page.keyboard.press('Enter')
  await page.locator('.app').waitFor()
  for (const [name, path, act] of views(scene)) {
    await page.goto(`${url}/console/${path}`)
    await page.locator('main h1, main .state').first().waitFor()
    await page.waitForTimeout(settleMs)
    await act?.(page)
    if (act) await page.waitForTimeout(settleMs)
    await take(name)
  }
  // what is still under way
  await page.route('**/webhook-deliveries/filter', () => {})
  await page.goto(`${url}/console/deliveries`)
  await page.getByRole('status').first().waitFor()
  await take('deliveries-loading')
  await context.close()
}
