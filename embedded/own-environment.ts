const loopback = ['127.0.0.1', 'localhost', '::1']
const noProxyNames = ['no_proxy', 'NO_PROXY', 'no_grpc_proxy']
const helmOfOurs = /^HELM_(BIN|KILL_AFTER_MS|LIMIT_MS)$/

/**
 * Takes out of a shell's environment what would reach the dependencies we start on loopback: a proxy is never
 * asked for them, PostgreSQL's client takes everything from its URL, and helm runs without settings of its own.
 */
export function ownEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of noProxyNames) {
    const given = env[name]
    // gRPC asks no_proxy unless it has an exception of its own.
    if (name !== 'no_grpc_proxy' || given)
      env[name] = [given, ...loopback].filter(Boolean).join(',')
  }
  for (const name of Object.keys(env)) {
    const isPostgres = /^PG[A-Z]+$/.test(name) && !env['DATABASE_URL']
    const isHelm = name.startsWith('HELM_') && !helmOfOurs.test(name)
    if (isPostgres || isHelm) delete env[name]
  }
}
