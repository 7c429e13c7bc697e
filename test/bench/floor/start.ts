import { join } from 'node:path'
import { startChild } from '../child.ts'
import { startBare, type Bare, type Sink } from '../peers.ts'
import { floorPrefix } from './tell.ts'

export type Floor = {
  url: string
  /** Bare, telling the log. */
  sender: Bare
  /** Jobs that nobody works at yet. */
  waiting(): Promise<number>
  /** Attempts that are in the log. */
  recorded(): Promise<number>
  stop(): Promise<void>
}

/** The processes of the floor, which keep their files in this folder. */
export async function startFloor(redisUrl: string, sink: Sink, folder: string): Promise<Floor> {
  const sender = await startBare(redisUrl, sink, { prefix: floorPrefix })
  const accept = await startChild('floor/accept', [redisUrl, join(folder, 'accepted.db')])
  const record = await startChild('floor/record', [redisUrl, join(folder, 'log.db')])
  return {
    url: await accept.ask<string>('url'),
    sender,
    waiting: () => accept.ask('waiting'),
    recorded: () => record.ask('recorded'),
    stop: async () => void (await Promise.all([sender.stop(), accept.stop(), record.stop()])),
  }
}
