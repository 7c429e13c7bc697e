import { scenarios } from '../chaos/scenarios.ts'
import { inShort } from '../support/in-short.ts'

inShort('under attack, in short', scenarios)
