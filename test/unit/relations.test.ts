import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findLoop, nextOf } from '../../shared/relations.ts'

const loopIn = (graph: Record<string, string[]>, from = 'a') => findLoop(from, (id) => graph[id] ?? [])

describe('a loop', () => {
  it.each<[string, Record<string, string[]>, string[] | undefined]>([
    ['of nothing', {}, undefined],
    ['of one that leads to itself', { a: ['a'] }, ['a', 'a']],
    ['of two', { a: ['b'], b: ['a'] }, ['a', 'b', 'a']],
    ['of three, beside ways that end', { a: ['x', 'b'], x: ['y'], b: ['y', 'c'], c: ['a'] }, ['a', 'b', 'c', 'a']],
    ['by the shortest way', { a: ['b', 'c'], b: ['d'], d: ['a'], c: ['a'] }, ['a', 'c', 'a']],
    ['that two ways meet in is none', { a: ['b', 'c'], b: ['d'], c: ['d'] }, undefined],
    ['that others are in is not its own', { a: ['b'], b: ['c'], c: ['b'] }, undefined],
  ])('%s', (_, graph, loop) => {
    expect(loopIn(graph)).toEqual(loop)
  })

  it('is found where there is one and only there, whatever the graph', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const graphs = fc.dictionary(fc.constantFrom(...ids), fc.uniqueArray(fc.constantFrom(...ids)))
    fc.assert(
      fc.property(graphs, (graph) => {
        const loop = loopIn(graph)
        // every step of what is found is an edge, and the walk over all edges agrees on whether there is a way back
        for (const [i, id] of (loop ?? []).slice(0, -1).entries()) expect(graph[id]).toContain(loop?.[i + 1])
        const reached = new Set(graph.a ?? [])
        for (const id of reached) for (const next of graph[id] ?? []) reached.add(next)
        expect(loop !== undefined).toBe(reached.has('a'))
        if (loop) expect([loop[0], loop.at(-1)]).toEqual(['a', 'a'])
      }),
    )
  })

  it('leads over triggers and the fallback alike', () => {
    expect(nextOf({ triggers: ['b'], fallback: 'c' })).toEqual(['b', 'c'])
    expect(nextOf({ triggers: [], fallback: null })).toEqual([])
  })
})
