-- Lists by other orders and filters than the first ones. A generated name would be a copy: the view holds what is filtered by.
create index stores_by_update on stores (tenant_id, updated_at desc, id desc)
  where status <> 'deleted';
create index stores_by_name on stores (tenant_id, lower(name), id)
  where status <> 'deleted';
create index stores_by_plan on stores (tenant_id, (view ->> 'plan'), created_at desc, id desc)
  where status <> 'deleted';
create index stores_by_reference on stores (tenant_id, (view ->> 'reference'))
  where view ->> 'reference' is not null;
-- What changed since a position at any tenant's, for live updates of an operator.
create index stores_by_log_position on stores (position);
create index stores_by_label on stores using gin ((view -> 'labels') jsonb_path_ops);
