import { connectionOptions } from '../../shared/messaging/connect.ts'
import { testNats } from '#test/servers/test-nats'
import { tempFolder } from '#test/temp-folder'
import { freePort } from '../processes/free-port.ts'
import { toolPath } from '../tools.ts'
import { startNats } from './nats.ts'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'nats'
import { expect, test } from 'vitest'

test('what JetStream acknowledged is there after kill -9 and a restart on the same port', async () => {
  await using nats = await testNats()
  const manager = await nats.connection.jetstreamManager()
  await manager.streams.add({ name: 'KEPT', subjects: ['kept.>'] })
  await nats.connection.jetstream().publish('kept.one', 'payload')

  await nats.kill()
  await nats.restart()

  expect((await manager.streams.info('KEPT')).state.messages).toBe(1)
})

test('with a password, nobody gets in without it, and no argument shows it', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  const password = 'a1b2c3d4'
  const place = { dataDir: folder.path, logFile: join(folder.path, 'log'), port }
  const nats = await startNats({ executable: toolPath('nats-server'), ...place, password })

  const stranger = connect({ servers: `127.0.0.1:${port}`, reconnect: false })
  await expect(stranger).rejects.toMatchObject({ code: 'AUTHORIZATION_VIOLATION' })
  const known = await connect(connectionOptions(nats.url, 'test'))
  await known.close()
  expect((await stat(join(folder.path, 'nats.conf'))).mode & 0o777).toBe(0o600)
  await nats.stop()
})

test('a start again writes no settings: on a full disk it could not', async () => {
  await using folder = await tempFolder()
  const place = { dataDir: folder.path, logFile: join(folder.path, 'log'), port: await freePort() }
  const options = { executable: toolPath('nats-server'), ...place, password: 'a1b2c3d4' }
  const first = await startNats(options)
  await first.stop()
  const before = await stat(join(folder.path, 'nats.conf'))

  const second = await startNats(options)
  await second.stop()

  const { ino, mtimeMs } = await stat(join(folder.path, 'nats.conf'))
  expect({ ino, mtimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs })
})
