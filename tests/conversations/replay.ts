import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { isDeepStrictEqual } from 'node:util'
import { type Answer, connect } from './call.ts'
import { converse, type Step } from './converse.ts'

const folder = new URL('recordings/', import.meta.url)

export interface Conversation {
  name: string
  steps: { step: Step; answer: Answer }[]
}

/** A step that was answered otherwise than by the real server. */
export interface Difference {
  /** The conversation and the number of its step. */
  id: string
  step: Step
  real: Answer
  here: Answer | undefined
}

/** Names of the recorded files. */
export function recordings(): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.jsonl.gz'))
}

/** The conversations of a recorded file. */
export function conversationsIn(file: string): Conversation[] {
  const conversations: Conversation[] = []
  const lines = gunzipSync(readFileSync(new URL(file, folder)))
    .toString('utf8')
    .split('\n')
  for (const line of lines.filter((text) => text !== '')) {
    const { conversation, answer, ...step }: Step & { conversation?: string; answer: Answer } =
      JSON.parse(line)
    if (conversation !== undefined) conversations.push({ name: conversation, steps: [] })
    else conversations.at(-1)?.steps.push({ step, answer })
  }
  return conversations
}

/** Steps that may be answered otherwise, by their ids; the README says why. */
export function acceptedSteps(): Set<string> {
  const lines = readFileSync(new URL('accepted.txt', import.meta.url), 'utf8').split('\n')
  return new Set(lines.filter((line) => line !== '').map((line) => line.split(/ {2,}/)[0] ?? ''))
}

/** Leads the server at `address` through a conversation. */
export async function replay(
  address: string,
  { name, steps }: Conversation,
): Promise<Difference[]> {
  const channel = connect(address)
  try {
    const answers = await converse(
      channel,
      steps.map(({ step }) => step),
      steps.map(({ answer }) => answer),
    )
    return steps.flatMap(({ step, answer: real }, index) => {
      const here = answers[index]
      return isDeepStrictEqual(real, here) ? [] : [{ id: `${name}#${index + 1}`, step, real, here }]
    })
  } finally {
    channel.close()
  }
}
