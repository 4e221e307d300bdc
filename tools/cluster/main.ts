import { join } from 'node:path'
import { program } from 'commander'
import { down, status, wipe } from './down.ts'
import { clearReal, up, upReal } from './up.ts'

const here = join(import.meta.dirname, '..', '..', '.storewright')

program
  .name('npm run cluster --')
  .description('A real Kubernetes API on this machine: etcd, API server, controllers, kwok')
  .option('--folder <path>', `where its data, kubeconfig and logs lie, else in ${here}`)
  .option('--real', 'with a node whose pods are real: needs root on Linux')
program
  .command('up', { isDefault: true })
  .description('starts it and keeps it until Ctrl-C or `down`')
  .option('--port <number>', 'of the API server, else the last one or a free one', portOf)
  .option('--image <archives...>', 'with --real: what `docker save` writes, for pods to use')
  .action(async ({ port, image = [] }: { port?: number; image?: string[] }) => {
    if (isReal()) return upReal({ folder: folder(), images: image })
    return up({ folder: folder(), port, env: process.env })
  })
program
  .command('down')
  .description('stops it; its data stays')
  .action(() => down(folder()).then(clear))
program
  .command('wipe')
  .description('stops it and removes all it holds')
  .action(() => wipe(folder()).then(clear))
program
  .command('status')
  .description('says whether it runs; exits with 1 when it does not')
  .action(() => status(folder()))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function isReal(): boolean {
  return program.opts<{ real?: true }>().real ?? false
}

function folder(): string {
  const name = isReal() ? 'real-cluster' : 'cluster'
  return program.opts<{ folder?: string }>().folder ?? join(here, name)
}

async function clear(): Promise<void> {
  if (isReal()) await clearReal()
}

function portOf(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Error(`--port must be a number from 1 to 65535, not ${text}`)
}
