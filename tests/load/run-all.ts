import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

// Runs the benchmarks of this folder, one after the other. Arguments: the names of those wanted, such as `accept`; without
// them all but those that need a Kubernetes API, whose programs are built once, in minutes.

const wanted = process.argv.slice(2)
const folder = import.meta.dirname
const names = (await readdir(folder))
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.slice(0, -'.bench.ts'.length))
const withoutCluster = names.filter((name) => !name.startsWith('cluster-'))
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`There is no ${unknown.join(', ')}; there are ${names.join(', ')}\n`)
  process.exit(1)
}

for (const name of wanted.length > 0 ? wanted : withoutCluster) {
  process.stdout.write(`\n# ${name}\n`)
  const program = join(folder, `${name}.bench.ts`)
  const { failed } = await execa(process.execPath, [program], { stdio: 'inherit', reject: false })
  if (!failed) continue
  process.stderr.write(`${name} is void\n`)
  process.exitCode = 1
}
