import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/** Settings of the kernel a kubelet insists on. They are the whole host's: it is shown that they are so. */
const wanted = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
}

/** Puts files of `folder`, or memory, over every place of the host where programs of a node write. */
export async function coverHost(machine: { inside: string[] }, folder: string): Promise<void> {
  const mount = (...args: string[]) => run([...machine.inside, 'mount', ...args])
  await mount('-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
  const log = join(folder, 'var-log')
  await mkdir(log, { recursive: true })
  await mount('--bind', log, '/var/log')
  const settings = join(folder, 'settings')
  await mkdir(settings, { recursive: true })
  for (const [name, value] of Object.entries(wanted)) {
    const file = join(settings, name.replaceAll('/', '.'))
    await writeFile(file, `${value}\n`)
    await mount('--bind', file, join('/proc/sys', name))
  }
}
