import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { connect } from './call.ts'
import { converse } from './converse.ts'
import { type Conversation, conversationsIn, recordings } from './replay.ts'

/**
 * Leads the server at an address through every recorded conversation and writes what it answers to a folder, in the form
 * of `recordings`. Run: node tests/conversations/record.ts HOST:PORT FOLDER [names that begin so]
 */
const [address, folder, prefix = ''] = process.argv.slice(2)
if (address === undefined || !/^[^:]+:\d+$/.test(address) || folder === undefined) {
  process.stderr.write('Use: node tests/conversations/record.ts HOST:PORT FOLDER [PREFIX]\n')
  process.exit(1)
}
mkdirSync(folder, { recursive: true })
for (const file of recordings()) {
  const conversations = conversationsIn(file).filter(({ name }) => name.startsWith(prefix))
  const lines: string[] = []
  for (const conversation of conversations) lines.push(...(await record(address, conversation)))
  if (lines.length > 0) writeFileSync(join(folder, file), gzipSync(`${lines.join('\n')}\n`))
  process.stdout.write(`${file}: ${conversations.length} conversations\n`)
}
process.exit(0)

/** Waits as if nothing were known: what comes is what counts. */
async function record(server: string, { name, steps }: Conversation): Promise<string[]> {
  const channel = connect(server)
  try {
    const answers = await converse(
      channel,
      steps.map(({ step }) => step),
    )
    if (answers.some(({ details }) => /ECONNREFUSED|Connection dropped/.test(String(details))))
      throw new Error(
        `The server at ${server} ended in ${name}. Start it again, then record that one.`,
      )
    const recorded = steps.map(({ step }, index) => ({ ...step, answer: answers[index] }))
    return [{ conversation: name }, ...recorded].map((line) => JSON.stringify(line))
  } finally {
    channel.close()
  }
}
