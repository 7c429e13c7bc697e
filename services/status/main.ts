import { run } from '../../shared/run.ts'
import { startStatus } from './service.ts'
import { statusSettings } from './settings.ts'

await run('status', statusSettings, startStatus)
