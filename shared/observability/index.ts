export { correlationIdOf, traceparentOf } from './correlation.ts'
export { kindOfError, limitLines } from './limit-lines.ts'
export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
