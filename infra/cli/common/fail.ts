/** What a command ends with; `tidings --help` says so too. */
export const exits = { done: 0, refused: 1, usage: 2, unreachable: 3 } as const

/** Something the user can put right, or has to know; shown without a stack. */
export class Failure extends Error {
  readonly exit: number
  constructor(message: string, exit: number = exits.refused) {
    super(message)
    this.exit = exit
  }
}

export const misused = (message: string): Failure => new Failure(message, exits.usage)
