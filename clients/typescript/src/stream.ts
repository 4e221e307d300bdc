import type { components } from './schema.js'

type Store = components['schemas']['Store']

// The API sends at least a heartbeat every 15 s.
const SILENCE_MAX_MS = 45_000

/**
 * The changed stores that a stream of events tells of, and undefined for all else in it, such as a heartbeat. Throws
 * when the stream is silent for too long: then its connection is dead.
 */
export async function* changesIn(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Store | undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { value, done } = await orSilence(reader.read())
    if (done) return
    const blocks = (text + decoder.decode(value, { stream: true })).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = /^event: store$/m.test(block) ? /^data: (.*)$/m.exec(block)?.[1] : undefined
      const store: Store | undefined = data === undefined ? undefined : JSON.parse(data)
      yield store
    }
  }
}

async function orSilence<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The stream is silent')), SILENCE_MAX_MS)
  })
  try {
    return await Promise.race([reading, silence])
  } finally {
    clearTimeout(timer)
  }
}
