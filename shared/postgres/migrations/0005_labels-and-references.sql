-- Labels, parameters, and the tenant's own name for a store: what the API shows of stores that were requested before
-- there were any.
update stores set view = view || '{"labels": {}, "reference": null, "parameters": {}}';
