type Ask<I, O> = { input: I; resolve(output: O): void; reject(error: unknown): void }

/** `sent` resolves when the call has been made of which this is a part, for all parts at once; `output` when it has been answered. */
export type Asked<O> = { sent: Promise<void>; output: Promise<O> }

/**
 * Makes one call of many: what is asked for in one turn of the event loop is sent together, at most so many at a time.
 * When nothing else is going on, nothing waits. Outputs come in the order of the inputs; a failure is that of all.
 */
export function gather<I, O>(send: (inputs: I[]) => Promise<O[]>, most: number): (input: I) => Asked<O> {
  let asks: Ask<I, O>[] = []
  let sent: Promise<void>

  async function dispatch(some: Ask<I, O>[]): Promise<void> {
    try {
      const outputs = await send(some.map(({ input }) => input))
      some.forEach(({ resolve }, i) => resolve(outputs[i] as O))
    } catch (error) {
      for (const { reject } of some) reject(error)
    }
  }

  function flush(): void {
    const all = asks
    asks = []
    for (let at = 0; at < all.length; at += most) void dispatch(all.slice(at, at + most))
  }

  return (input) => {
    const output = new Promise<O>((resolve, reject) => void asks.push({ input, resolve, reject }))
    if (asks.length === 1) sent = new Promise((resolve) => setImmediate(() => resolve(flush())))
    return { sent, output }
  }
}
