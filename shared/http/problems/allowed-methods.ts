import type { FastifyInstance } from 'fastify'
import { operations, routeOf } from '#contracts'

/** The methods of each route. */
export type RouteMethods = Readonly<Record<string, readonly string[]>>

/**
 * Every route of the API, whichever service has it: a path is served with the same methods at each of them, as
 * a client sees one API. A test holds the list against the services.
 */
export const apiRoutes: RouteMethods = routeMethods()

function routeMethods(): RouteMethods {
  const routes: Record<string, string[]> = {}
  for (const operation of Object.values(operations))
    for (const { url } of routeOf(operation).addresses)
      (routes[url] ??= []).push(
        ...(operation.method === 'GET' ? ['GET', 'HEAD'] : [operation.method]),
      )
  return routes
}

interface Route {
  matches: RegExp
  methods: Set<string>
}

/** Tells with which methods a path is served: by the known routes and by those the server gets from now on. */
export function allowedMethods(
  app: FastifyInstance,
  known: RouteMethods,
): (path: string) => string[] {
  const routes = new Map<string, Route>()
  const add = (url: string, methods: readonly string[]) => {
    const route = routes.get(url) ?? { matches: patternOf(url), methods: new Set() }
    for (const name of methods) route.methods.add(name)
    routes.set(url, route)
  }
  for (const [url, methods] of Object.entries(known)) add(url, methods)
  app.addHook('onRoute', ({ url, method }) => add(url, [method].flat()))
  return (path) => {
    const bare = path.length > 1 ? path.replace(/\/$/, '') : path
    const matching = [...routes].filter(([, { matches }]) => matches.test(bare))
    // A path of its own is more exact than one with a parameter.
    const exact = matching.filter(([url]) => !url.includes(':'))
    const chosen = exact.length > 0 ? exact : matching
    return [...new Set(chosen.flatMap(([, { methods }]) => [...methods]))].toSorted()
  }
}

function patternOf(url: string): RegExp {
  const literal = url.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${literal.replaceAll(/:\w+/g, '[^/]+')}$`)
}
