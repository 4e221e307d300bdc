import { Agent, request } from 'node:http'

/** Sends creates, `inFlight` at a time over kept connections; resolves to the rate a second. Any answer but 202 throws. */
export async function createsPerSecond(
  url: string,
  { inFlight, ms, tenants }: { inFlight: number; ms: number; tenants: number },
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  const startedAt = performance.now()
  let done = 0
  const worker = async (name: number) => {
    for (; performance.now() - startedAt < ms; done++)
      await create(url, agent, {
        key: `${startedAt}-${name}-${done}`,
        tenant: `t${name % tenants}`,
      })
  }
  await Promise.all(Array.from({ length: inFlight }, (_, name) => worker(name)))
  const seconds = (performance.now() - startedAt) / 1_000
  agent.destroy()
  return done / seconds
}

const body = JSON.stringify({ name: 'Test Store', engine: 'woocommerce' })

function create(
  url: string,
  agent: Agent,
  { key, tenant }: { key: string; tenant: string },
): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    'content-length': body.length,
    'idempotency-key': key,
    'x-user-id': tenant,
  }
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/stores`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume()
      answer.on('end', () => {
        if (answer.statusCode === 202) resolve()
        else reject(new Error(`answered ${answer.statusCode}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
