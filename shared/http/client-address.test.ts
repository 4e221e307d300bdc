import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { freePort } from '../../embedded/processes/free-port.ts'
import { clientAddresses } from './client-address.ts'

const client = '203.0.113.9'

test.for([
  { trusted: [], says: client, is: '127.0.0.1' },
  { trusted: ['10.0.0.0/8', '192.0.2.1'], says: client, is: '127.0.0.1' },
  { trusted: ['loopback'], says: undefined, is: '127.0.0.1' },
  { trusted: ['loopback'], says: client, is: client },
  { trusted: ['127.0.0.1'], says: '2001:db8::9', is: '2001:db8::9' },
  { trusted: ['loopback'], says: `::ffff:${client}`, is: client },
  // What the client itself wrote stands before what its proxy wrote.
  { trusted: ['loopback'], says: `198.51.100.6, ${client}`, is: client },
  { trusted: ['loopback', '10.0.0.0/8'], says: `127.0.0.1, ${client}, 10.1.2.3`, is: client },
  { trusted: ['loopback'], says: 'unknown', is: '127.0.0.1' },
  { trusted: ['loopback', '10.0.0.0/8'], says: `${client}, <b>, 10.1.2.3`, is: '10.1.2.3' },
])('of 127.0.0.1 saying $says, with $trusted trusted, the client is $is', async (given) => {
  const addressOf = clientAddresses(given.trusted)
  const server = createServer((request, response) => response.end(addressOf(request)))
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const headers = given.says === undefined ? {} : { 'x-forwarded-for': given.says }
  const answer = await fetch(`http://127.0.0.1:${port}`, { headers })

  expect(await answer.text()).toBe(given.is)
  server.closeAllConnections()
  server.close()
})
