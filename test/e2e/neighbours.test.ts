import { scenarios } from '../isolation/main.ts'
import { inShort } from '../support/in-short.ts'

inShort('beside one that is in trouble, in short', scenarios)
