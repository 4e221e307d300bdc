import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { startEventStore } from '../start.ts'
import { collect } from '#test/servers/official-client'

const program = fileURLToPath(new URL('../main.ts', import.meta.url))
const readyLine = z.object({ msg: z.literal('listening'), port: z.number() })

/** Starts the server under a limit on the size of its files, as a full disk would be. */
async function startLimited(dataDir: string, bytesMax: number) {
  const args = [`--fsize=${bytesMax}`, process.execPath, program, '--data-dir', dataDir]
  const ended = execa('prlimit', [...args, '--port', '0'], { reject: false, timeout: 60_000 })
  const [line] = await once(ended.stdout, 'data')
  const { port } = readyLine.parse(JSON.parse(String(line)))
  return { url: `esdb://127.0.0.1:${port}?tls=false`, ended }
}

test('F36: a write that fails ends the server with the reason; what was acknowledged is still there', async () => {
  await using folder = await tempFolder()
  const { url, ended } = await startLimited(folder.path, 20_000)
  const client = EventStoreDBClient.connectionString(url)
  const acknowledged: string[] = []
  const fill = async () => {
    for (;;) {
      const event = jsonEvent({ type: 'Happened', data: { text: 'x'.repeat(5_000) } })
      await client.appendToStream('test', event)
      acknowledged.push(event.id)
    }
  }

  await expect(fill()).rejects.toMatchObject({ code: 14 })

  const { exitCode, stderr } = await ended
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^event store: Writing the event log failed: EFBIG[^\n]*$/)
  await client.dispose()
  await using again = await startEventStore({ dataDir: folder.path })
  const reader = EventStoreDBClient.connectionString(again.url)
  const stored = await collect(reader.readStream('test'))
  await reader.dispose()
  expect(stored.map(({ event }) => event?.id)).toEqual(acknowledged)
  expect(acknowledged).toHaveLength(3)
})
