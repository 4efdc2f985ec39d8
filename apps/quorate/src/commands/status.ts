import type { Command } from 'commander'
import { statusText } from '../status-text.ts'
import { clientFor } from '../target.ts'

interface StatusFlags {
  readonly url?: string
  readonly json?: true
}

async function showStatus(url: string | undefined, flags: StatusFlags): Promise<void> {
  const status = await clientFor(flags.url ?? url).status()
  console.log(flags.json === true ? JSON.stringify(status, undefined, 2) : statusText(status))
}

/** `quorate status` */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description("a replica's height, committee, peers, and who was caught at what")
    .argument('[url]', 'a replica; else as for shell')
    .option('--url <url>', 'the same as the argument')
    .option('--json', 'as JSON')
    .action(showStatus)
}
