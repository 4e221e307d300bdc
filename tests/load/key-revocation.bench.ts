import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { startEventStore } from '../../embedded/eventstore/start.ts'
import { eventually } from '#test/eventually'
import { apiProcess } from '#test/http/api-process'
import { tempFolder } from '#test/temp-folder'

// How long a revoked key is still taken: from the answer to the revocation until each of two replicas has refused the
// key, the one that was asked to revoke it and the other. Both are asked with the key all the time, one request after
// the other. Argument: keys (300).

const [keys = 300] = process.argv.slice(2).map(Number)
const OPERATOR_KEY = randomBytes(32).toString('hex')
const made = z.object({ key: z.object({ id: z.string() }), secret: z.string() })
const nobody = '/api/v1/keys/ffffffffffffffff'

await using folder = await tempFolder()
await using log = await startEventStore({ dataDir: join(folder.path, 'log') })
const env = {
  EVENTSTORE_URL: log.url,
  AUTH: 'keys',
  OPERATOR_KEY,
  RATE_LIMIT_PER_MINUTE: '100000000',
  LOG_LEVEL: 'info',
}
const start = () => apiProcess({ service: 'command-api', tenant: 'bench', env })
await using own = await start()
await using other = await start()

const delays = { own: [] as number[], other: [] as number[], request: [] as number[] }
for (let round = 0; round < keys; round++) {
  const { id, secret } = await newKey()
  const [atOwn, atOther] = [refusal(own, secret), refusal(other, secret)]
  const askedAt = performance.now()
  const answer = await own.send('DELETE', `/api/v1/keys/${id}`, { headers: as(OPERATOR_KEY) })
  const revokedAt = performance.now()
  if (answer.status !== 200) throw new Error(`revoking was answered ${answer.status}`)
  delays.request.push(revokedAt - askedAt)
  // A refusal may come before the answer.
  delays.own.push(Math.max(0, (await atOwn) - revokedAt))
  delays.other.push(Math.max(0, (await atOther) - revokedAt))
}
report('answer to a revocation', delays.request)
report('refused where it was revoked, after the answer', delays.own)
report('refused at the other replica, after the answer', delays.other)

type Api = typeof own

function as(bearer: string) {
  return { authorization: `Bearer ${bearer}` }
}

/** A key that both replicas take. */
async function newKey() {
  const headers = { ...as(OPERATOR_KEY), 'x-tenant': 'bench' }
  const body = { name: 'bench', roles: ['read'] }
  const { key, secret } = made.parse(
    (await own.send('POST', '/api/v1/keys', { headers, body })).json,
  )
  for (const api of [own, other])
    await eventually(async () => {
      if ((await statusAt(api, secret)) !== 403) throw new Error('the key is not known yet')
    })
  return { id: key.id, secret }
}

/** What a key that may only read is told: 403 while it is good, without any work, and 401 then. */
async function statusAt(api: Api, secret: string): Promise<number> {
  return (await api.send('DELETE', nobody, { headers: as(secret) })).status
}

/** When the first refusal was there. */
async function refusal(api: Api, secret: string): Promise<number> {
  while ((await statusAt(api, secret)) !== 401);
  return performance.now()
}

function report(name: string, values: number[]): void {
  const sorted = values.toSorted((one, next) => one - next)
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]?.toFixed(1)
  process.stdout.write(`${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms\n`)
}
