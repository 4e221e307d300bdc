/** The server cannot go on, or cannot start; the message is a sentence for the operator. */
export class FatalError extends Error {
  override readonly name = 'FatalError'
}
