-- Which chart a store runs, and what it is being upgraded to.
alter table stores add column chart_version text, add column upgrade jsonb;
update stores set chart_version = state -> 'provisioned' ->> 'chartVersion' where status = 'ready';

-- An upgrade is work as well, for the provisioners' sweep.
drop index stores_pending;
create index stores_pending on stores (updated_at)
  where status in ('requested', 'provisioning', 'upgrading', 'cancelling', 'deleting');
