-- What operators have set for tenants. Tenants without a row have the defaults; what a tenant uses is in store_counts.
create table tenant_settings (
  tenant_id text primary key,
  settings jsonb not null,
  revision bigint not null
);
