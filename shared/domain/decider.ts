/** A pure state machine over one stream: what a command causes, and what an event changes. */
export interface Decider<State, Command, Event> {
  /** A fresh state for an empty stream; a function, so that no two folds share one object. */
  initialState: () => State
  /** The events a command causes; an empty array means it has already happened. Throws AppError. */
  decide: (state: State, command: Command) => Event[]
  /** The state after an event. Never throws: whatever is stored has happened. */
  evolve: (state: State, event: Event) => State
  /** A state that shares nothing with the given one. Needed by a decider whose `evolve` changes its state in place. */
  copy?: (state: State) => State
}

/** What is stored beside every event: who caused it, in answer to what, and how to trace it. */
export interface EventMetadata {
  correlationId: string
  causationId?: string
  /** Who acted: `user:<id>`, `key:<id>` or `worker:<id>`. */
  actor: string
  /** How people know the actor. */
  actorName?: string
  /** The actor is an operator, who acted for this tenant. */
  asOperator?: true
  /** The network address the request came from. */
  address?: string
  /** Why, in the caller's words. */
  reason?: string
  tenantId: string
  schemaVersion: number
  traceparent?: string
  commandId: string
}
