import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

const TAIL_CHARS = 2_000

/** Runs a program without a shell; resolves to its output, rejects with the end of it. */
export function run(command, args, { timeoutMs, env = systemEnv(), cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const late = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    let output = ''
    const keep = (chunk) => (output += chunk)
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => {
      clearTimeout(late)
      reject(error)
    })
    child.once('close', (code, signal) => {
      clearTimeout(late)
      if (code === 0) return resolve(output)
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`
      reject(new Error(`${command} ${how}: ${output.trim().slice(-TAIL_CHARS) || 'no output'}`))
    })
  })
}

/** The environment without what npm puts in front of PATH, the system's own programs, and without settings of helm. */
export function systemEnv() {
  const entries = (process.env.PATH ?? '').split(':')
  const own = entries.filter((entry) => entry !== '' && !entry.endsWith('node_modules/.bin'))
  const env = { ...process.env, PATH: own.join(':') }
  for (const name of Object.keys(env)) if (name.startsWith('HELM_')) delete env[name]
  return env
}

/** Every executable called `name` on the system's PATH, first one first. */
export async function onPath(name) {
  const found = []
  for (const folder of systemEnv().PATH.split(':').filter(isAbsolute)) {
    const path = join(folder, name)
    if (await isExecutable(path)) found.push(path)
  }
  return found
}

async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
