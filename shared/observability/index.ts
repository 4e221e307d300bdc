export { correlationIdOf, traceparentOf } from './correlation.ts'
export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
