-- Who did what, for as long as the log lasts: one row for each event of a tenant. `entry` is json, not jsonb, as jsonb
-- takes no \u0000, which an event may hold.
create table audit (
  position bigint primary key,
  tenant_id text not null,
  time timestamptz not null,
  store_id uuid,
  type text not null,
  actor text not null,
  correlation_id text not null,
  entry json not null
);

-- A page is read along one of these, whatever is asked for.
create index audit_by_tenant on audit (tenant_id, position);
create index audit_by_store on audit (tenant_id, store_id, position);
create index audit_by_type on audit (tenant_id, type, position);
create index audit_by_actor on audit (tenant_id, actor, position);
create index audit_by_correlation on audit (tenant_id, correlation_id, position);
create index audit_by_time on audit (tenant_id, time);
