import { describe, expect, it } from 'vitest'
import { createId } from '../../shared/id.ts'
import { shardPrefixes, shardsOf, shareOf, slotOf } from '../../shared/shards.ts'

const slots = 16_384
const slotsOf = (count: number) => shardPrefixes('{tidings}', count).map((prefix) => slotOf(prefix.slice(1, -1)))

describe('shards', () => {
  it('keep a webhook where it is', () => {
    const shards = shardsOf(['a', 'b', 'c', 'd', 'e'])

    expect(['0190c2f4-0000-7000-8000-000000000001', 'w', 'webhook'].map((id) => shards.of(id))).toEqual(['b', 'b', 'e'])
  })

  it('get about the same number of webhooks each', () => {
    const shards = shardsOf(Array.from({ length: 6 }, (_, i) => i))
    const counts = shards.divide(Array.from({ length: 6_000 }, createId), (id) => id).map(([, ids]) => ids.length)

    expect(counts).toHaveLength(6)
    for (const count of counts) expect(count).toBeGreaterThan(800)
  })

  it('divide a list by its webhooks, in its order', () => {
    const shards = shardsOf(['a', 'b', 'c', 'd', 'e'])
    const items = ['webhook', 'w', 'webhook'].map((id, n) => ({ id, n }))

    expect(shards.divide(items, ({ id }) => id)).toEqual([
      ['e', [items[0], items[2]]],
      ['b', [items[1]]],
    ])
  })

  it('are, where there is one, what there was before', () => {
    expect(shardPrefixes('{tidings}', 1)).toEqual(['{tidings}'])
    expect(shardPrefixes('{tidings}', 6)[0]).toBe('{tidings}')
  })

  it('have hash tags of their own, which do not change', () => {
    expect(shardPrefixes('{tidings}', 3)).toEqual(shardPrefixes('{tidings}', 3))
    for (const count of [2, 3, 16, 64]) expect(new Set(slotsOf(count)).size).toBe(count)
  })

  it.each([3, 4, 5])('%d masters have the same number of them each, where they can', (masters) => {
    for (const each of [1, 2, 5]) {
      const masterOf = slotsOf(masters * each).map((slot) => Math.floor((slot * masters) / slots))
      for (let master = 0; master < masters; master++) expect(masterOf.filter((one) => one === master)).toHaveLength(each)
    }
  })
})

describe('slotOf', () => {
  // what `CLUSTER KEYSLOT` answers
  it.each([
    ['123456789', 12_739],
    ['foo', 12_182],
    ['tidings', 13_313],
  ])('%s lies in slot %d', (tag, slot) => {
    expect(slotOf(tag)).toBe(slot)
  })
})

describe('shareOf', () => {
  it('divides a whole without a rest, and leaves nobody without', () => {
    expect([0, 1, 2, 3, 4, 5].map((i) => shareOf(50, 6, i))).toEqual([9, 9, 8, 8, 8, 8])
    expect([0, 1, 2].map((i) => shareOf(2, 3, i))).toEqual([1, 1, 1])
    expect(shareOf(50, 1, 0)).toBe(50)
  })
})
