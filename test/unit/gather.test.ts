import { describe, expect, it } from 'vitest'
import { gather } from '../../shared/gather.ts'

describe('what is asked for in one turn', () => {
  const calls: number[][] = []
  const answers: (() => void)[] = []
  const ask = gather((inputs: number[]) => {
    calls.push(inputs)
    return new Promise<string[]>((resolve, reject) =>
      answers.push(() => (inputs.includes(13) ? reject(new Error('thirteen')) : resolve(inputs.map(String)))),
    )
  }, 3)

  it('is sent together, so many at a time, and is sent before it is answered', async () => {
    const asked = [1, 2, 3, 4].map(ask)
    expect(calls).toEqual([])

    const order: string[] = []
    await Promise.all(asked.map(({ sent }) => sent.then(() => order.push('sent'))))

    expect(calls.splice(0)).toEqual([[1, 2, 3], [4]])
    for (const answer of answers.splice(0)) answer()
    await Promise.all(asked.map(({ output }) => output.then((text) => order.push(text))))
    expect(order).toEqual(['sent', 'sent', 'sent', 'sent', '1', '2', '3', '4'])
  })

  it('fails together, and not with what is asked for later', async () => {
    const first = [12, 13].map(ask)
    await first[0]?.sent
    const later = ask(14)
    await later.sent
    expect(calls.splice(0)).toEqual([[12, 13], [14]])
    for (const answer of answers.splice(0)) answer()

    expect(await Promise.allSettled(first.map(({ output }) => output))).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
    expect(await later.output).toBe('14')
  })
})
