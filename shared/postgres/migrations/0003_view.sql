-- What the API shows of each store, beside the few columns that queries filter and sort by. Stores written before get
-- the view the projector would write: a view follows from a row alone, so no rebuild is needed.
alter table stores add column view jsonb;
update stores set view = jsonb_build_object(
  'id', id,
  'tenantId', tenant_id,
  'name', name,
  'engine', engine,
  'plan', plan,
  'status', status,
  'url', url,
  'release', release,
  'namespace', namespace,
  'chartVersion', chart_version,
  'upgrade', upgrade,
  'attempt', attempt,
  'failure', failure,
  'createdAt', state -> 'request' -> 'requestedAt',
  'updatedAt', to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'deletedAt', state -> 'deletedAt',
  'revision', revision
);
alter table stores
  alter column view set not null,
  drop column plan,
  drop column url,
  drop column release,
  drop column namespace,
  drop column chart_version,
  drop column upgrade,
  drop column attempt,
  drop column failure,
  drop column deleted_at;
