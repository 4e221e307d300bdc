import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { AppError } from '#domain'

/** Refuses requests with 503 while the process is too busy to serve them in time; health keeps answering. */
export function shedLoad(app: FastifyInstance, loopDelayMaxMs: number): void {
  app.register(underPressure, {
    maxEventLoopDelay: loopDelayMaxMs,
    sampleInterval: 500,
    pressureHandler: async (request) => {
      if (request.routeOptions.config.policy === 'public') return
      throw new AppError('OVERLOADED', 'The service is too busy', { retryable: true })
    },
  })
}
