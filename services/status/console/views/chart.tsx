import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Stats } from '../../../../shared/contracts/api/stats.ts'

const height = 190
const clock = (seconds: number) => new Date(seconds * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })

/** Accepted, delivered and failing, minute by minute. */
export default function Chart({ stats }: { stats: Stats }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot>(undefined)
  const data: UPlot.AlignedData = [
    stats.minutes.map(({ at }) => Date.parse(at) / 1_000),
    stats.minutes.map(({ accepted }) => accepted),
    stats.minutes.map(({ succeeded }) => succeeded),
    stats.minutes.map(({ failed }) => failed),
  ]
  useEffect(() => {
    const parent = place.current
    if (!parent) return
    let made = draw(parent, data)
    plot.current = made
    const sized = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }))
    sized.observe(parent)
    // colours are read when it is drawn
    const again = () => {
      made.destroy()
      made = draw(parent, made.data)
      plot.current = made
    }
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', again)
    const theme = new MutationObserver(again)
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      sized.disconnect()
      theme.disconnect()
      scheme.removeEventListener('change', again)
      made.destroy()
    }
    // drawn once; new figures are given to what is there
  }, [])
  useEffect(() => plot.current?.setData(data), [stats])
  const most = Math.max(...(data[1] as number[]), ...(data[2] as number[]), ...(data[3] as number[]))
  return <div ref={place} className="chart" role="img" aria-label={`events and attempts by the minute, at most ${most}`} />
}

function draw(parent: HTMLElement, data: UPlot.AlignedData): UPlot {
  const style = getComputedStyle(parent)
  // a colour that depends on light or dark is known where it is used, and not by its name
  const probe = document.createElement('i')
  parent.append(probe)
  const colour = (name: string) => {
    probe.style.color = `var(--${name})`
    return getComputedStyle(probe).color
  }
  const [accepted, good, bad, faint, line] = ['new', 'good', 'bad', 'faint', 'line'].map(colour) as [string, string, string, string, string]
  probe.remove()
  const axis = { stroke: faint, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: `11px ${style.fontFamily}` }
  const series = (label: string, stroke: string) => ({ label, stroke, width: 1.5, points: { show: false } })
  return new UPlot(
    {
      width: parent.clientWidth,
      height,
      padding: [8, 8, 0, 0],
      cursor: { y: false },
      legend: { live: true },
      scales: { y: { range: (_, __, max) => [0, Math.max(5, max * 1.1)] } },
      axes: [
        { ...axis, values: (_, times) => times.map(clock) },
        { ...axis, size: 46 },
      ],
      series: [
        { label: 'time', value: (_, at) => (at === null ? '' : clock(at)) },
        series('accepted', accepted),
        series('delivered', good),
        series('failing', bad),
      ],
    },
    data,
    parent,
  )
}
