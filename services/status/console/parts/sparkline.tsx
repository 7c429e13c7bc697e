import type { Health } from '../../../../shared/contracts/api/stats.ts'
import { clockTime, plural } from '../words.ts'

const bars = 48
const height = 20

/** The last day in bars: how much, and how much of it failed. */
export function Sparkline({ health, id }: { health: Health | undefined; id: string }) {
  const stretches = health?.webhooks.find(({ webhook_id }) => webhook_id === id)?.stretches ?? []
  if (!health || stretches.length === 0) return <span className="faint">{health ? 'nothing sent' : ''}</span>
  const most = Math.max(...stretches.map(({ succeeded, failed }) => succeeded + failed))
  const [good, bad] = [stretches.reduce((sum, one) => sum + one.succeeded, 0), stretches.reduce((sum, one) => sum + one.failed, 0)]
  const size = (count: number) => (count === 0 ? 0 : Math.max(2, (height * count) / most))
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${bars * 3} ${height}`}
      role="img"
      aria-label={`last 24 hours: ${plural(good, 'attempt')} succeeded, ${bad} failed`}
    >
      {stretches.map(({ at, succeeded, failed }) => {
        const x = Math.round((Date.parse(at) - Date.parse(health.from)) / health.stretch_ms) * 3
        return (
          <g key={at}>
            <title>{`${clockTime(at).slice(0, -7)}: ${succeeded} succeeded, ${failed} failed`}</title>
            <rect className="spark-good" x={x} width="2" y={height - size(succeeded + failed)} height={size(succeeded + failed)} />
            <rect className="spark-bad" x={x} width="2" y={height - size(failed)} height={size(failed)} />
          </g>
        )
      })}
    </svg>
  )
}
