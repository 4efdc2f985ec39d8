import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { CliError } from '../errors.ts'
import { clientFor } from '../target.ts'

interface TxFlags {
  readonly url?: string
  readonly out?: string
}

/** The transaction as REST gives it, and the seats that signed its block. */
async function showTransaction(id: string, flags: TxFlags): Promise<void> {
  const client = clientFor(flags.url)
  const view = (await client.transaction(id)) as { readonly height?: unknown }
  const { signers } = (await client.block(Number(view.height))) as { readonly signers?: unknown }
  console.log(JSON.stringify({ ...view, signers }, undefined, 2))
}

async function fetchReceipt(id: string, flags: TxFlags): Promise<void> {
  const text = await clientFor(flags.url).receipt(id)
  if (flags.out === undefined) {
    process.stdout.write(text)
    return
  }
  try {
    writeFileSync(flags.out, text)
  } catch (error) {
    throw new CliError('FILE', error instanceof Error ? error.message : String(error))
  }
}

/** `quorate tx show` and `quorate receipt` */
export function addTx(program: Command): void {
  const tx = program.command('tx').description('transactions of the ledger')
  tx.command('show')
    .description('block, position, outcome and signing seats of a transaction')
    .argument('<id>', 'the id that its client gave it')
    .option('--url <url>', 'a replica; else as for shell')
    .action(showTransaction)
  program
    .command('receipt')
    .description('fetches the proof that a transaction stands in the ledger')
    .argument('<id>', 'the id that its client gave it')
    .option('-o, --out <file>', 'where to write it; else it is printed')
    .option('--url <url>', 'a replica; else as for shell')
    .action(fetchReceipt)
}
