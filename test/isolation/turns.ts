import { percentile } from '../chaos/goals.ts'

/** One list a turn: what was measured alone in its first and last quarter, and beside the trouble between them. */
export type Turns<T> = { alone: T[][]; beside: T[][] }
type Taking<T> = {
  turns: number
  /** Of all turns together, beside the trouble; as long alone. */
  seconds: number
  alone(seconds: number): Promise<T[]>
  /** Makes the trouble, and ends it. */
  beside(seconds: number): Promise<T[]>
}

/** The machine is not the same at the end of some minutes: in turns, what it does meanwhile falls on both. */
export async function inTurns<T>({ turns, seconds, alone, beside }: Taking<T>): Promise<Turns<T>> {
  const taken: Turns<T> = { alone: [], beside: [] }
  for (let turn = 0; turn < turns; turn++) {
    const before = await alone(seconds / turns / 2)
    taken.beside.push(await beside(seconds / turns))
    taken.alone.push([...before, ...(await alone(seconds / turns / 2))])
  }
  return taken
}

/** Shows whether it was always so, or once. */
export const p99OfEach = (turns: number[][]) => turns.map((values) => tenths(percentile(values, 0.99)))

export const tenths = (ms: number) => Math.round(ms * 10) / 10
