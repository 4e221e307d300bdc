-- Operations over many stores, derived from the event log: how far each is. The ids of its stores stay in the log.
create table operations (
  id uuid primary key,
  tenant_id text not null,
  status text not null,
  created_at timestamptz not null,
  revision bigint not null,
  view jsonb not null,
  state jsonb not null
);

create index operations_by_tenant on operations (tenant_id, created_at desc, id desc);
-- What the worker has to do: a few rows, however many operations there were.
create index operations_open on operations (tenant_id, created_at, id)
  where status in ('running', 'cancelling');
