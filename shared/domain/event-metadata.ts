/** What is stored beside every event: who caused it, in answer to what, and how to trace it. */
export interface EventMetadata {
  correlationId: string
  causationId?: string
  /** Who acted: `user:<id>` or `worker:<id>`. */
  actor: string
  tenantId: string
  schemaVersion: number
  traceparent?: string
  commandId: string
}
