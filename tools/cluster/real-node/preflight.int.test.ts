import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { z } from 'zod'

const program = fileURLToPath(import.meta.resolve('#test/real-node/say-what-is-missing'))
const list = z.array(z.string())
const isLinux = process.platform === 'linux'

test.runIf(isLinux)(
  'programs that are not on PATH are told by name, with what they are for',
  async () => {
    await using cache = await tempFolder()

    const missing = await missingWith({ PATH: '/nowhere', XDG_CACHE_HOME: cache.path })

    expect(missing).toEqual(
      expect.arrayContaining([
        'the program ip',
        'the program unshare',
        'the program apt-get (to fetch containerd)',
        expect.stringMatching(/^the program go \(to build .*kubelet, kube-proxy, coredns\)$/),
      ]),
    )
  },
)

test.runIf(isLinux)('rights that this process has not are told by name', async () => {
  const isRoot = process.getuid?.() === 0
  const without = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
  const first = isRoot ? without : []

  const { stdout } = await execa('env', [...first, process.execPath, program])

  const right = /^the right to make namespaces and network devices \(CAP_SYS_ADMIN/
  const wanted = isRoot ? right : /^root$/
  expect(list.parse(JSON.parse(stdout))).toContainEqual(expect.stringMatching(wanted))
})

async function missingWith(env: Record<string, string>): Promise<string[]> {
  const { stdout } = await execa(process.execPath, [program], { env, extendEnv: false })
  return list.parse(JSON.parse(stdout))
}
