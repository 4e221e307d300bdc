import { hasCode } from '#domain'
import { type EventStore, openEventStore } from '#eventstore'
import { type Answer, askNode, endpointOf, type Member } from './event-store-nodes.ts'
import { type Check, checksOf, clockCheck, count, reasonOf } from './report.ts'

const CALL_LIMIT_MS = 8_000
const DEPENDENCY = 'event store'
const { ok, warning, wrong } = checksOf(DEPENDENCY)
const SEE_URL = 'Compare the hosts, the ports and `tls` of EVENTSTORE_URL with the nodes'
const SEE_RIGHTS = 'See "Least rights in EventStoreDB" in docs/operations.md'

/**
 * What is so of the event store that EVENTSTORE_URL names. Reads, and asks for one append that is refused whatever the
 * store holds: nothing is written. Takes no longer than its limits; never throws.
 */
export async function checkEventStore(connectionString: string): Promise<Check[]> {
  const endpoint = await endpointOf(connectionString).catch((error: unknown) => reasonOf(error))
  if (typeof endpoint === 'string')
    return [wrong(`EVENTSTORE_URL cannot be used: ${endpoint}`, 'Correct it')]
  const answers = await Promise.all(endpoint.addresses.map((each) => askNode(each, endpoint)))
  return [
    ...answers.flatMap(nodeChecks),
    ...membersChecks(answers),
    ...(await rights(connectionString)),
  ]
}

function nodeChecks(answer: Answer): Check[] {
  const { address } = answer
  if ('message' in answer) return [wrong(`${address} does not answer: ${answer.message}`, SEE_URL)]
  const own = answer.members.find((member) => member.address === address)
  const state = own === undefined ? '' : `, ${own.state}`
  const took = `${Math.round(answer.tookMs)} ms`
  return [ok(`${address} answers: version ${answer.version}${state}, in ${took}`)]
}

/** What the nodes say of each other, by the first that answered. */
function membersChecks(answers: Answer[]): Check[] {
  const [first] = answers.filter((answer) => 'members' in answer)
  if (first === undefined) return []
  const { members } = first
  const leaders = members.filter(({ state, isAlive }) => isAlive && state === 'leader')
  const dead = members.filter(({ isAlive }) => !isAlive)
  const versions = new Set(answers.flatMap((each) => ('version' in each ? [each.version] : [])))
  return [
    members.length === 1
      ? warning(
          'there is one node: while it is away, nothing is accepted',
          'Run three nodes for production',
        )
      : ok(
          `${count(members.length, 'member')}: ${members.map(({ address }) => address).join(', ')}`,
        ),
    leaders.length === 1
      ? ok(`the leader is ${leaders[0]?.address}`)
      : wrong(
          `${leaders.length === 0 ? 'no node leads' : 'several nodes say that they lead'}: nothing can be written`,
          'Start a majority of the nodes, and see that they reach each other',
        ),
    ...dead.map(({ address }) =>
      wrong(`${address} is away for the other members`, 'Start the node, or repair its network'),
    ),
    ...(versions.size > 1
      ? [
          warning(
            `the nodes have different versions: ${[...versions].join(', ')}`,
            'Finish the upgrade',
          ),
        ]
      : []),
    ...clocksOf(first, members),
  ]
}

/** A member says when it was last seen: the clocks of those that are alive can be told from it. */
function clocksOf({ askedMs }: Answer, members: Member[]): Check[] {
  return members
    .filter(({ isAlive, seenMs }) => isAlive && seenMs > 0)
    .map(({ address, seenMs }) => clockCheck(DEPENDENCY, address, seenMs - askedMs))
}

async function rights(connectionString: string): Promise<Check[]> {
  let store: EventStore
  try {
    store = openEventStore({ connectionString, timeoutMs: CALL_LIMIT_MS })
  } catch (error) {
    return [wrong(reasonOf(error), 'Correct EVENTSTORE_URL')]
  }
  try {
    return await Promise.all([
      attempt({
        call: () => store.ping(CALL_LIMIT_MS),
        done: '`$all` can be read',
        failed: '`$all` cannot be read',
      }),
      attempt({
        call: () => store.pingAppends(CALL_LIMIT_MS),
        done: 'appends are allowed (one was refused for its revision; nothing was written)',
        failed: 'appends are not possible',
      }),
    ])
  } finally {
    // It may wait for a connection that never comes.
    void store.close().catch(() => undefined)
  }
}

interface Attempt {
  call: () => Promise<void>
  done: string
  failed: string
}

async function attempt({ call, done, failed }: Attempt): Promise<Check> {
  try {
    await call()
    return ok(done)
  } catch (error) {
    const isDenied = hasCode(error, 'EVENT_STORE_ACCESS_DENIED')
    return wrong(`${failed}: ${reasonOf(error)}`, isDenied ? SEE_RIGHTS : SEE_URL)
  }
}
