-- Sharing applications (共享申请), the decisions on them, and the grants (共享授权) that come of a yes.

-- `request` is what the applicant asked for, as filed last; everything else is how it was answered.
create table hub.applications (
  id text primary key check (id ~ '^[a-z][a-z0-9-]{0,62}$'),
  resource text not null references hub.resources (id),
  resource_version integer not null,
  share_type text not null check (share_type in ('unconditional', 'conditional')),
  provider text not null references hub.departments (id),
  consumer text not null references hub.departments (id),
  system text not null references hub.systems (id),
  request jsonb not null,
  state text not null check (state in ('submitted', 'supplement-required', 'extension-requested', 'extended', 'agreed', 'refused')),
  filed_by text not null references hub.staff (id),
  filed_at timestamptz(3) not null default now(),
  submitted_at timestamptz(3) not null default now(),
  was_supplemented boolean not null default false,
  extension_days integer check (extension_days between 1 and 10),
  decided_at timestamptz(3)
);
create index applications_consumer on hub.applications (consumer, id);
create index applications_provider on hub.applications (provider, id);
create index applications_open on hub.applications (state, id) where decided_at is null;

create table hub.application_decisions (
  id bigint generated always as identity primary key,
  application text not null references hub.applications (id),
  decision text not null,
  staff text not null references hub.staff (id),
  reason text,
  missing text[],
  days integer,
  bypassed boolean not null default false,
  at timestamptz(3) not null default now()
);
create index application_decisions_application on hub.application_decisions (application, id);

-- Frozen when made: only state and version ever change. `fields` is what was asked for, `paths` every
-- single value it stands for on that day, so that a field added later is in no older grant.
create table hub.grants (
  id text primary key check (id ~ '^[a-z][a-z0-9-]{0,62}$'),
  version integer not null default 1,
  application text not null unique references hub.applications (id),
  resource text not null references hub.resources (id),
  resource_version integer not null,
  provider text not null references hub.departments (id),
  consumer text not null references hub.departments (id),
  system text not null references hub.systems (id),
  operations text[] not null,
  fields text[] not null,
  paths text[] not null,
  rows jsonb,
  masks jsonb not null,
  purposes text[] not null,
  valid_from timestamptz(3) not null default now(),
  valid_until timestamptz(3) not null,
  daily_quota bigint check (daily_quota > 0),
  is_case_number_required boolean not null default false,
  is_unflagged_only boolean not null default false,
  state text not null default 'active' check (state in ('active', 'suspended', 'terminated')),
  state_ground text,
  state_reason text,
  state_changed_at timestamptz(3),
  granted_by text not null references hub.staff (id)
);
create index grants_system on hub.grants (system, resource) where state <> 'terminated';
create index grants_provider on hub.grants (provider, id);
create index grants_consumer on hub.grants (consumer, id);
create index grants_resource on hub.grants (resource, id) where state <> 'terminated';

create table hub.grant_transitions (
  id bigint generated always as identity primary key,
  grant_id text not null references hub.grants (id),
  action text not null,
  version integer not null,
  staff text not null references hub.staff (id),
  ground text not null,
  reason text not null,
  bypassed boolean not null default false,
  at timestamptz(3) not null default now()
);
create index grant_transitions_grant on hub.grant_transitions (grant_id, id);

-- Records of a grant's daily quota that processes have leased, in blocks; a day is one of Asia/Shanghai.
create table hub.grant_usage (
  grant_id text not null references hub.grants (id),
  day date not null,
  leased bigint not null default 0,
  primary key (grant_id, day)
);

-- Wrong claims about one record by one system on one day. `subject` is a keyed hash of resource and
-- merge key: this table must not become a list of persons.
create table hub.verify_mismatches (
  system text not null references hub.systems (id),
  subject bytea not null check (octet_length(subject) = 32),
  day date not null,
  count integer not null default 1,
  primary key (subject, system, day)
);
create index verify_mismatches_day on hub.verify_mismatches (day);
