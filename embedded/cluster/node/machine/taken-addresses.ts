import { z } from 'zod'
import { addresses, cable } from './addresses.ts'
import { run } from './run.ts'

const table = z.array(z.object({ dst: z.string(), dev: z.string().default('?') }))

/** Networks of this host that the machine's would hide or be hidden by, in words. */
export async function takenAddresses(): Promise<string[]> {
  const routes = ['ip', '-4', '-json', 'route', 'show', 'table', 'all']
  const text = await run(routes).catch(() => '')
  return takenBy(table.parse(JSON.parse(text || '[]')))
}

/** The same of the given routes. A wider network, as a company's 10.0.0.0/8, goes on everywhere but in ours. */
export function takenBy(routes: z.output<typeof table>): string[] {
  const { host, prefix, services, pods } = addresses
  const wanted = [`${host}/${prefix}`, services, pods].map(rangeOf)
  return routes
    .filter(({ dst, dev }) => dst !== 'default' && dev !== cable.host)
    .filter(({ dst }) => wanted.some((each) => isWithin(rangeOf(dst), each)))
    .map(({ dst, dev }) => `${dst} is a network of ${dev}`)
}

interface Range {
  first: number
  last: number
}

function rangeOf(cidr: string): Range {
  const [address = '', length = '32'] = cidr.split('/')
  const number = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  const size = 2 ** (32 - Number(length))
  const first = number - (number % size)
  return { first, last: first + size - 1 }
}

function isWithin(inner: Range, outer: Range): boolean {
  return outer.first <= inner.first && inner.last <= outer.last
}
