import { run } from '../../shared/run.ts'
import { startDispatcher } from './service.ts'
import { dispatcherSettings } from './settings.ts'

await run('dispatcher', dispatcherSettings, startDispatcher, process, { readOnly: true })
