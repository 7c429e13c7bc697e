import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { npm } from './run.mjs'
import { runEntry } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const file = (path) => new URL(`../${path}`, import.meta.url)
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOAUDIT|ENOLOCK|network|audit (endpoint|\d{3})/i

/**
 * `npm run audit`: what the registry knows against the packages that run in production, and which packages want to
 * run a script when they are installed. The second needs no network and is part of `npm run check`.
 */
export async function audit() {
  const [known, scripts] = [await knownHoles(), unlistedScripts()]
  console.log(known.line)
  console.log(scripts.line)
  return known.ok && scripts.ok
}

/** High and critical ones alone fail: what is lower is shown, to be looked at. */
async function knownHoles() {
  const report = await auditReport()
  if ('silence' in report)
    return {
      ok: true,
      line: `– advisories: not looked up, the registry has not answered (${report.silence}); run this again where it does`,
    }
  const { info = 0, low = 0, moderate = 0, high = 0, critical = 0 } = report.metadata.vulnerabilities
  const named = Object.values(report.vulnerabilities)
    .filter(({ severity }) => ['high', 'critical'].includes(severity))
    .map(({ name, severity, range }) => `    ${name} ${range}: ${severity}`)
  const counts = `critical ${critical}, high ${high}, moderate ${moderate}, low ${low + info}`
  return { ok: high + critical === 0, line: [`${high + critical === 0 ? '✓' : '✗'} advisories: ${counts}`, ...named].join('\n') }
}

/** npm answers with a report and an exit code when it finds something, and with no report when it could not ask. */
async function auditReport() {
  const output = await npm(['audit', '--omit=dev', '--json'], { cwd: root }).catch((error) => error.output ?? String(error))
  const text = output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)
  const report = text ? JSON.parse(text) : undefined
  if (report?.metadata) return report
  const [silence] = output.split('\n').filter((line) => unreachable.test(line))
  if (silence) return { silence: silence.replace(/^npm \w+ /, '').trim() }
  throw new Error(`npm audit said nothing that could be understood:\n${output.slice(0, 2_000)}`)
}

/** Packages that the lock file says have an install script; each is allowed or forbidden by name in package.json. */
export function unlistedScripts() {
  const { allowScripts = {} } = JSON.parse(readFileSync(file('package.json'), 'utf8'))
  const locks = ['package-lock.json', 'infra/redis/bundled/package-lock.json'].filter((path) => existsSync(file(path)))
  const wanting = locks.flatMap((path) =>
    Object.entries(JSON.parse(readFileSync(file(path), 'utf8')).packages)
      .filter(([, entry]) => entry.hasInstallScript)
      .map(([place]) => place.split('node_modules/').pop()),
  )
  const names = [...new Set(wanting)].toSorted()
  const unlisted = names.filter((name) => !(name in allowScripts))
  const allowed = names.filter((name) => allowScripts[name] === true)
  return unlisted.length === 0
    ? { ok: true, line: `✓ install scripts: ${names.length} packages have one, run is that of ${allowed.join(', ') || 'none'}` }
    : { ok: false, line: `✗ install scripts: ${unlisted.join(', ')} would run one; say in package.json allowScripts whether it may` }
}

if (fileURLToPath(import.meta.url) === process.argv[1])
  await runEntry(async () => {
    if (!(await audit())) process.exitCode = 1
  })
