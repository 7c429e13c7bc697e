import { describe, expect, it } from 'vitest'
import { createId, deliveryId, idTime } from '../../shared/id.ts'
import { atMostEvery, createMetrics, joinMetrics, type Reading } from '../../shared/metrics.ts'

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

describe('metrics of a service', () => {
  it('carry its name and that of the process', async () => {
    const metrics = createMetrics('ingest')
    metrics.counter('a_total', 'A.', ['kind'])('x').add(2)

    expect(linesOf(await metrics.text())).toEqual(['a_total{kind="x",service="ingest",process="ingest"} 2'])
    expect(linesOf(await metrics.text('gateway'))).toEqual(['a_total{kind="x",service="ingest",process="gateway"} 2'])
  })

  it('begin at 0, so that the first of a kind is seen as a rise', async () => {
    const metrics = createMetrics('x')
    metrics.counter('a_total', 'A.', ['kind'])('rare')

    expect(linesOf(await metrics.text())).toEqual(['a_total{kind="rare",service="x",process="x"} 0'])
  })

  it('are the same where two parts of a service name the same', async () => {
    const metrics = createMetrics('x')
    for (const part of [1, 2]) metrics.counter('a_total', 'A.')().add(part)

    expect(linesOf(await metrics.text())).toEqual(['a_total{service="x",process="x"} 3'])
  })

  it('leave out what cannot be read now, and tell all the rest', async () => {
    const metrics = createMetrics('x')
    let read: () => Promise<Reading[]> = async () => [{ value: 3 }]
    metrics.gauge('depth', 'D.', [], () => read())
    metrics.gauge('labelled', 'L.', ['state'], () => Promise.reject(new Error('away')))
    metrics.gauge('other', 'O.', ['state'], () => [{ value: 1, labels: { state: 'a' } }])
    metrics.foreign(() => Promise.reject(new Error('away')))

    expect(linesOf(await metrics.text())).toContain('depth{service="x",process="x"} 3')
    read = () => Promise.reject(new Error('away'))
    expect(linesOf(await metrics.text())).toEqual(['other{state="a",service="x",process="x"} 1'])
  })

  it('wait for nothing that does not come', async () => {
    const metrics = createMetrics('x')
    metrics.gauge('stuck', 'S.', [], () => new Promise(() => {}))
    metrics.foreign(() => new Promise(() => {}))
    metrics.gauge('depth', 'D.', [], () => [{ value: 3 }])

    expect(linesOf(await metrics.text())).toEqual(['depth{service="x",process="x"} 3'])
  })

  it('forget a state that is no more', async () => {
    const metrics = createMetrics('x')
    let state = 'open'
    metrics.gauge('breakers', 'B.', ['state'], () => [{ value: 1, labels: { state } }])
    await metrics.text()
    state = 'closed'

    expect(linesOf(await metrics.text())).toEqual(['breakers{state="closed",service="x",process="x"} 1'])
  })
})

describe('joinMetrics', () => {
  it('puts what has one name under one heading', () => {
    const text = (who: string, more = '') => `# HELP a_total A.\n# TYPE a_total counter\na_total{who="${who}"} 1\n${more}`

    expect(joinMetrics([text('one', '# HELP b B.\n# TYPE b gauge\nb 2\n'), '', text('two')])).toBe(
      '# HELP a_total A.\n# TYPE a_total counter\na_total{who="one"} 1\na_total{who="two"} 1\n# HELP b B.\n# TYPE b gauge\nb 2\n',
    )
  })
})

describe('atMostEvery', () => {
  it('asks once for all who ask within the time', async () => {
    let asked = 0
    const read = atMostEvery(60_000, async () => ++asked)

    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1])
  })

  it('asks again after it', async () => {
    let asked = 0
    const read = atMostEvery(0, async () => ++asked)

    expect([await read(), await read()]).toEqual([1, 2])
  })
})

describe('idTime', () => {
  it('knows when an event was accepted, from its id and from that of its deliveries', () => {
    const before = Date.now()
    const id = createId()

    expect(idTime(id)).toBeGreaterThanOrEqual(before)
    expect(idTime(deliveryId(id, 'webhook'))).toBe(idTime(id))
    expect(idTime('no id of ours')).toBeUndefined()
  })
})
