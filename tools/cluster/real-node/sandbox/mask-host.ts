import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/** Kernel settings that a kubelet requires. They belong to the whole host, so files with these values mask them. */
const wanted = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
}

/** Mounts files of `folder`, or memory, over every path of the host that programs of a node write to. */
export async function maskHost(sandbox: { inside: string[] }, folder: string): Promise<void> {
  const mount = (...args: string[]) => run([...sandbox.inside, 'mount', ...args])
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
