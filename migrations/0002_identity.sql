-- Who calls: departments in a tree, their systems (machines), staff, and the tokens of both.

create table hub.departments (
  id text primary key,
  name text not null,
  code text,
  local_code text,
  division text not null,
  parent text references hub.departments,
  kind text not null,
  level text,
  created_at timestamptz(3) not null default now(),
  constraint departments_parent_check check (parent <> id)
);
create unique index departments_code_key on hub.departments (code) where code is not null;
create index departments_parent_idx on hub.departments (parent);

-- `version` rises with every change that callers must feel at once (disabled, token rotated, roles
-- changed): the hot path's own SQL compares it with what was remembered of the caller.
create table hub.systems (
  id text primary key,
  department text not null references hub.departments,
  name text not null,
  kind text not null check (kind in ('front-end-machine', 'business-system', 'hub')),
  state text not null default 'active' check (state in ('active', 'disabled')),
  version bigint not null default 1,
  created_at timestamptz(3) not null default now(),
  disabled_at timestamptz(3)
);
create index systems_department_idx on hub.systems (department, id);

create table hub.staff (
  id text primary key,
  account text not null,
  name text not null,
  department text references hub.departments,
  roles text[] not null,
  state text not null default 'active' check (state in ('active', 'disabled')),
  password_hash text,
  version bigint not null default 1,
  created_at timestamptz(3) not null default now(),
  constraint staff_account_key unique (account)
);
create index staff_department_idx on hub.staff (department, id);

-- Tokens are random, so that a plain SHA-256 of them tells nothing and needs no salt.
create table hub.tokens (
  digest bytea primary key check (octet_length(digest) = 32),
  kind text not null check (kind in ('system', 'staff', 'session')),
  system_id text references hub.systems,
  staff_id text references hub.staff,
  expires_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  constraint tokens_owner_check check (
    (kind = 'system' and system_id is not null and staff_id is null)
    or (kind <> 'system' and system_id is null and staff_id is not null)
  )
);
create index tokens_system_idx on hub.tokens (system_id) where system_id is not null;
create index tokens_staff_idx on hub.tokens (staff_id) where staff_id is not null;
create index tokens_expiry_idx on hub.tokens (expires_at) where expires_at is not null;

-- Facts about the hub itself, one row each: `setup-completed`.
create table hub.settings (
  name text primary key,
  value jsonb not null,
  changed_at timestamptz(3) not null default now()
);
