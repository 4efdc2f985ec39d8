// A process that receives the database of another folder and is killed meanwhile. It prints a line for each answer it
// took, and `whole` at the end.

import { height } from '@quorate/types'
import { StateFile, StateReader } from '../state-file.ts'
import { StateSource } from '../state-source.ts'
import { receive } from './state-history.ts'

const [from = '', to = '', at = ''] = process.argv.slice(2)
const reader = new StateReader(from)
const target = reader.at(height(Number(at)))
if (target === undefined) throw new Error(`no height ${at}`)
const source = new StateSource(reader)
const file = new StateFile(to)
const sink = file.receive(target)
receive(sink, target, (ask) => {
  process.stdout.write('.\n')
  return source.answer(ask)
})
sink.finish()
process.stdout.write('whole\n')
