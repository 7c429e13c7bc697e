/**
 * Calls that arrive together are made as one: those of one turn of the event loop, and those that come while `atOnce`
 * are under way. Where the whole fails, each is made alone, so that none fails for another.
 */
export function gather<Argument, Result>(
  work: (list: Argument[]) => Promise<Result[]>,
  { atOnce, most }: { atOnce: number; most: number },
): (argument: Argument) => Promise<Result> {
  type Call = { argument: Argument; resolve(result: Result): void; reject(error: unknown): void }
  let waiting: Call[] = []
  let running = 0
  let isDue = false

  const settle = async (calls: Call[]): Promise<void> => {
    try {
      const results = await work(calls.map(({ argument }) => argument))
      for (const [i, call] of calls.entries()) call.resolve(results[i] as Result)
    } catch (error) {
      if (calls.length > 1) for (const call of calls) await settle([call])
      else calls[0]?.reject(error)
    }
  }

  const start = (): void => {
    isDue = false
    while (running < atOnce && waiting.length > 0) {
      const calls = waiting.slice(0, most)
      waiting = waiting.slice(most)
      running++
      void settle(calls).then(() => {
        running--
        start()
      })
    }
  }

  return (argument) =>
    new Promise((resolve, reject) => {
      waiting.push({ argument, resolve, reject })
      if (isDue) return
      isDue = true
      setImmediate(start)
    })
}
