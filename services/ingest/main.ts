import { run } from '../../shared/run.ts'
import { startIngest } from './service.ts'
import { ingestSettings } from './settings.ts'

await run('ingest', ingestSettings, startIngest, process)
