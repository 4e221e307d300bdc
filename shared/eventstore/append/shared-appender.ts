import type { Logger } from '#observability'
import { openAppender, type Appender } from './appender.ts'

interface Shared {
  appender: Appender
  users: number
}

const appenders = new Map<string, Shared>()

/**
 * The process's one appender to this event store: two clients that append in one process fail each other's appends.
 * The last user's `close` closes it.
 */
export function sharedAppender(connectionString: string, logger?: Logger): Appender {
  const shared = appenders.get(connectionString) ?? {
    appender: openAppender(connectionString, logger),
    users: 0,
  }
  shared.users++
  appenders.set(connectionString, shared)
  let open = true
  return {
    append: shared.appender.append,
    close: async () => {
      if (!open) return
      open = false
      if (--shared.users > 0) return
      appenders.delete(connectionString)
      await shared.appender.close()
    },
  }
}
