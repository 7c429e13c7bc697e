import type { Ledger } from '../../../shared/contracts/api/ledger.ts'
import type { Api } from '../common/api.ts'
import { note, ok, wrong, type Finding } from './check.ts'

const answerWithinMs = 3_000
type Ready = { status: string; dependencies: Record<string, string> }

/** Who answers where Tidings would, and whether it is well. */
export async function checkRunning(url: string, api: Api, hasKey: boolean, dispatchers: number | undefined): Promise<Finding[]> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(answerWithinMs) }).catch((error: unknown) => error as Error)
  if (answer instanceof Error) return [nobody(url, answer)]
  const ready = await readyOf(answer)
  if (!ready) {
    const another = `${Number(new URL(url).port || 80) + 1}`
    return [
      wrong(
        'address',
        `something else than Tidings answers at ${url} (${answer.headers.get('server') ?? `status ${answer.status}`})`,
        `stop it, or start with another port: PORT=${another} npm start`,
      ),
    ]
  }
  return [
    ok('address', `Tidings answers at ${url}`),
    ...readiness(ready),
    fleetOf(ready, dispatchers),
    hasKey ? await checkLedger(api) : note('ledger', 'not asked for: no API key is given'),
  ]
}

function nobody(url: string, error: Error): Finding {
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ECONNREFUSED') return note('address', `nothing answers at ${url}: the port is free, and no Tidings runs there (npm start)`)
  return wrong(
    'address',
    `${url} does not answer (${code ?? error.message})`,
    'look at what runs there, or name the right address with --url',
  )
}

async function readyOf(answer: Response): Promise<Ready | undefined> {
  const body = (await answer.json().catch(() => undefined)) as (Partial<Ready> & { detail?: string }) | undefined
  if (body?.detail === 'Tidings is starting') return { status: 'not ready', dependencies: { start: body.detail } }
  return body?.dependencies && typeof body.status === 'string' ? (body as Ready) : undefined
}

function readiness({ status, dependencies }: Ready): Finding[] {
  if (status === 'ok') return [ok('ready', Object.keys(dependencies).join(', '))]
  return Object.entries(dependencies).flatMap(([name, state]) =>
    state === 'ok' ? [] : [wrong('ready', `${name}: ${state}`, 'it says more in its log; /readyz tells when it is well')],
  )
}

/** A gateway names its own; those of a split installation are known by Redis alone. */
function fleetOf({ dependencies }: Ready, signs: number | undefined): Finding {
  const own = Object.entries(dependencies).filter(([name]) => name.startsWith('dispatcher '))
  const alive = Math.max(own.filter(([, state]) => state === 'ok').length, signs ?? 0)
  if (alive > 0) return ok('dispatchers', `${alive} alive`)
  if (own.length === 0 && signs === undefined)
    return note('dispatchers', 'not known: this Tidings names none, and its Redis is not the one that was looked at')
  return wrong('dispatchers', 'none is alive: nothing is delivered', 'npm run dispatcher, or start Tidings again')
}

async function checkLedger(api: Api): Promise<Finding> {
  try {
    const { balanced, accepted, pending, failed, unbalanced } = await api.get<Ledger>('/ledger?limit=1')
    const says = `the last day: ${accepted} events, ${pending} pending, ${failed} failed`
    return balanced
      ? ok('ledger', says)
      : wrong('ledger', `${says}, and ${unbalanced} that do not add up`, 'GET /ledger names them: look at each with GET /events/{id}')
  } catch (error) {
    return wrong('ledger', `it cannot be read (${(error as Error).message})`, 'give a key with the scope read: --key or TIDINGS_API_KEY')
  }
}
