#!/usr/bin/env node
// Nothing but the check of Node's version may stand here: this file must run on every Node, to say what is wrong.

const NEEDED = [22, 18] as const
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  console.error(
    `error NODE_TOO_OLD: found Node ${process.version}, quorate needs ${NEEDED.join('.')} or newer: https://nodejs.org`,
  )
  process.exitCode = 1
} else {
  const { run } = await import('./cli.ts')
  process.exitCode = await run(process.argv.slice(2))
}
