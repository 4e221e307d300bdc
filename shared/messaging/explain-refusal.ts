import { AppError } from '#domain'
import { ErrorCode, NatsError, type JetStreamAccountStats, type JetStreamManager } from 'nats'
import { bucketBytes, eventStreamBytes } from './topology.ts'

type Limits = JetStreamAccountStats['limits']

interface Refusal {
  /** As nats-server's configuration calls it. */
  setting: string
  problem: string
  action: string
}

const noResponders: string = ErrorCode.NoResponders
const MEMORY_BYTES_MIN = 2 * bucketBytes
const MEMORY_MIN = `${MEMORY_BYTES_MIN / 1_048_576}MB`
const FILE_MIN = `${(eventStreamBytes.at(-1) ?? 0) / 1_048_576}MB`
const BUCKET_SIZE = `${bucketBytes / 1_048_576}MB`

const explanations: Record<number, (limits: Limits | undefined) => Refusal> = {
  10_028: (limits) =>
    (limits?.max_memory ?? -1) >= 0 && (limits?.max_memory ?? -1) < MEMORY_BYTES_MIN
      ? ofAccount('max_mem', 'has too little memory', `Set it to ${MEMORY_MIN} or more`)
      : ofServer('max_memory_store', 'too little memory', `Set it to ${MEMORY_MIN} or more`),
  10_047: (limits) =>
    limits?.max_storage === 0
      ? ofAccount('max_file', 'has no file storage', `Set it to ${FILE_MIN} or more`)
      : ofServer('max_file_store', 'too little file storage left', `Set it to ${FILE_MIN} or more`),
  10_039: () => ({
    setting: 'accounts.<account>.jetstream',
    problem: 'JetStream is off for the account that NATS_URL names',
    action: 'Set it to `enabled`',
  }),
  10_076: jetStreamOff,
  10_027: () => ofAccount('max_streams', 'may have too few streams', 'Set it to 3 or more'),
  10_026: () => ofAccount('max_consumers', 'may have too few consumers', 'Set it to 1 or more'),
  10_122: () =>
    ofAccount(
      'memory_max_stream_bytes',
      'limits a stream in memory to less than the buckets need',
      `Set it to ${BUCKET_SIZE} or more`,
    ),
}

/**
 * CONFIG_INVALID, with the setting and what to do, when NATS refused a call because of its own configuration;
 * any other error as it is.
 */
export async function explainRefusal(cause: unknown, manager: JetStreamManager): Promise<unknown> {
  const explain = explanationOf(cause)
  if (explain === undefined) return cause
  const account = await manager.getAccountInfo().catch(() => undefined)
  const { setting, problem, action } = explain(account?.limits)
  const message = `${problem}: see \`${setting}\` in the configuration of nats-server. ${action}`
  return new AppError('CONFIG_INVALID', message, { details: { setting }, cause })
}

function explanationOf(error: unknown) {
  if (!(error instanceof NatsError)) return undefined
  if (error.isPermissionError()) return () => permissions(error.message)
  const code = error.jsError()?.err_code
  if (code !== undefined) return explanations[code]
  return error.code === noResponders ? jetStreamOff : undefined
}

function jetStreamOff(): Refusal {
  return {
    setting: 'jetstream',
    problem: 'NATS runs without JetStream',
    action: 'Add the block, as deploy/nats/nats.conf has it',
  }
}

const ofServer = (name: string, problem: string, action: string): Refusal => ({
  setting: `jetstream.${name}`,
  problem: `JetStream has ${problem}`,
  action,
})

const ofAccount = (name: string, problem: string, action: string): Refusal => ({
  setting: `accounts.<account>.jetstream.${name}`,
  problem: `The account that NATS_URL names ${problem}`,
  action,
})

const permissions = (message: string): Refusal => ({
  setting: 'permissions',
  problem: `The user that NATS_URL names may not do this (${message})`,
  action: 'Allow the user to publish to `$JS.>`, `$KV.>`, `evt.>` and `notify.>`',
})
