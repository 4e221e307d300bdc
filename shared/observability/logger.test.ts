import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

test('a line is JSON with its level, its service and an ISO time', () => {
  const { logger, lines } = logging('info')

  logger.info({ storeId: 's1' }, 'claimed')

  expect(lines()).toEqual([
    expect.objectContaining({ level: 'info', service: 'test', storeId: 's1', msg: 'claimed' }),
  ])
  expect(Date.parse(String(lines()[0]?.['time']))).not.toBeNaN()
})

test('a line below the level is not written', () => {
  const { logger, lines } = logging('warn')

  logger.info('quiet')
  logger.warn('loud')

  expect(lines().map(({ msg }) => msg)).toEqual(['loud'])
})

test('secrets in fields are left out, at any depth a caller is likely to use', () => {
  const { logger, written } = logging('info')

  logger.info({ password: 'hunter2', a: { token: 'hunter2', b: { secret: 'hunter2' } } }, 'x')

  expect(written()).not.toContain('hunter2')
})

test('an error keeps its cause', () => {
  const { logger, written } = logging('info')

  logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed')

  expect(written()).toContain('inner')
})

test('a disk that is full ends no process', async ({ skip }) => {
  skip(!existsSync('/dev/full'), 'there is no /dev/full here')
  const logger = fileURLToPath(new URL('logger.ts', import.meta.url))
  const program = `
    const { createLogger } = await import(${JSON.stringify(logger)})
    const logger = createLogger({ service: 'test', level: 'info' })
    logger.info('one')
    setTimeout(() => { logger.info('two'); process.exitCode = 3 }, 10)`
  const { promise, resolve } = Promise.withResolvers()
  const full = openSync('/dev/full', 'w')
  const args = ['--input-type=module', '-e', program]
  spawn(process.execPath, args, { stdio: ['ignore', full, 'ignore'] }).once('exit', resolve)

  expect(await promise).toBe(3)
  closeSync(full)
})

function logging(level: string) {
  const chunks: string[] = []
  const destination = { write: (text: string) => void chunks.push(text) }
  const written = () => chunks.join('')
  const lines = (): Record<string, unknown>[] =>
    written()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  return { logger: createLogger({ service: 'test', level, destination }), lines, written }
}
