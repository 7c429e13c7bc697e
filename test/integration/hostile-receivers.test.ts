import { expect, it } from 'vitest'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createSender } from '../../shared/http/send.ts'
import { expectations } from '../fuzz/expectations.ts'
import { fuzzReceivers } from '../fuzz/receivers.ts'
import { makeAuthorities, startUncivil } from '../support/hostile-tls.ts'
import { well } from '../support/hostile.ts'

it('each hostile receiver is taken for what it is, within the deadline, the right thing follows, and nobody else notices', async () => {
  // a machine that is busy with something else may be late to look at the clock
  const report = await fuzzReceivers({ times: 1, deadlineMs: 700, lateMs: 3_000 })

  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ wrong: 0, late: 0, disturbed: 0, deliveries: Object.keys(expectations).length })
})

it('floods from as many receivers as a dispatcher has requests take no time that others would miss', async () => {
  const report = await fuzzReceivers({
    times: 50,
    deadlineMs: 3_000,
    lateMs: 3_000,
    only: ['floods', 'floodsHeaders', 'floodsTrailers', 'floodsInterim', 'bloatsChunks'],
  })

  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ wrong: 0, late: 0, disturbed: 0 })
})

it('a handshake that never ends holds its place among the connections no longer than its request', async () => {
  const authorities = makeAuthorities()
  const receiver = await startUncivil('greetsNobody', authorities)
  const sender = createSender(createAddressPolicy({ allow: ['127.0.0.0/8'] }), {
    connectionsPerOrigin: 1,
    ca: authorities.trusted.cert,
    lookup: (_name, options, callback) => callback(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4),
  })
  const send = (timeoutMs: number) => sender.send({ url: receiver.url, headers: {}, body: Buffer.from('{}'), timeoutMs })
  try {
    expect(await send(300)).toMatchObject({ outcome: 'timed_out' })
    await receiver.idle()
    await receiver.heal()

    expect(await send(9_000)).toMatchObject({ outcome: 'succeeded', responseBody: well })
  } finally {
    await sender.close()
    await receiver.stop()
  }
})
