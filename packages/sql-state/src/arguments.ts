// Arguments to parameters. Positional ones bind to ?1, ?2, ... in order, whatever the parameters are called; a named
// one finds its parameter with or without the prefix. Too few, too many or both kinds for one parameter is the client's
// mistake.

import type { Statement as Words } from '@quorate/types'
import type { Statement } from './statement.ts'
import { SqliteError } from './connection.ts'

function refuse(message: string): never {
  throw new SqliteError({ code: 'ARGS_INVALID', message }, 25)
}

/** Binds all arguments of `words`. Throws SqliteError ARGS_INVALID. */
export function bindArguments(statement: Statement, words: Words): void {
  const { args, namedArgs } = words
  if (args.length === 0 && namedArgs.length === 0) return
  const { parameterCount } = statement
  if (args.length > parameterCount) refuse(`${args.length} positional arguments for ${parameterCount} parameters`)
  args.forEach((value, i) => statement.bind(i + 1, value))
  for (const { name, value } of namedArgs) {
    const index = statement.indexOf(name)
    if (index === undefined) refuse(`the statement has no parameter named ${name}`)
    statement.bind(index, value)
  }
}
