import { parentPort } from 'node:worker_threads'
import { ask, type Asking } from './asking.ts'

// A thread of its own: what it does must not delay who measures the others.
parentPort?.on('message', async (asking: Asking) => parentPort?.postMessage(await ask(asking)))
