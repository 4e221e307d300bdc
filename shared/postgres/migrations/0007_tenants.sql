-- What operators have set for tenants. Tenants without a row have the defaults; what a tenant uses is in store_counts.
create table tenant_settings (
  tenant_id text primary key,
  settings jsonb not null,
  revision bigint not null
);

-- Who waits for a provisioner and who has one, for the order of tenants: a few rows, however many stores there are.
create index store_counts_of_work on store_counts (tenant_id) where status in ('requested', 'provisioning');
