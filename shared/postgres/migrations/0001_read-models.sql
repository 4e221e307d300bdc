-- What is shown of each store, derived from the event log. `state` is the fold, so that it can go on.
create table stores (
  id uuid primary key,
  tenant_id text not null,
  name text not null,
  engine text not null,
  plan text not null,
  status text not null,
  url text,
  release text,
  namespace text,
  attempt int not null,
  failure jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  revision bigint not null,
  position bigint not null,
  state jsonb not null
);

-- Lists hide deleted stores unless asked, newest first, by keyset.
create index stores_by_tenant on stores (tenant_id, created_at desc, id desc)
  where status <> 'deleted';
create index stores_by_status on stores (tenant_id, status, created_at desc, id desc);
create index stores_by_engine on stores (tenant_id, engine, created_at desc, id desc)
  where status <> 'deleted';
-- What changed since a position, for live updates.
create index stores_by_position on stores (tenant_id, position);
-- Work that nobody has touched for a while, for the provisioners' sweep.
create index stores_pending on stores (updated_at)
  where status in ('requested', 'provisioning', 'cancelling', 'deleting');

-- Totals, kept in the transaction that changes the rows they count.
create table store_counts (
  tenant_id text not null,
  engine text not null,
  status text not null,
  count bigint not null,
  primary key (tenant_id, engine, status)
);

-- How far a projection has read: the last event it holds, by position and id.
create table projection_checkpoints (
  name text primary key,
  position bigint not null,
  event_id uuid not null,
  updated_at timestamptz not null default now()
);

-- Events that could not be projected, and what followed them in the same stream, in order.
create table parked_events (
  position bigint primary key,
  event_id uuid not null,
  stream text not null,
  revision bigint not null,
  type text not null,
  reason text not null,
  parked_at timestamptz not null default now()
);
create index parked_events_by_stream on parked_events (stream, revision);
