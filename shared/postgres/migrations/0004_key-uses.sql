-- When each API key was last used. No event says so, so a rebuild leaves it as it is, and in an emptied database no key was used yet.
create table key_uses (
  key_id text primary key,
  used_at timestamptz not null
);
