-- The resource catalog (资源目录). A resource is worked on here and served as its last published version
-- (`resource_versions`); `number` names its record table and never changes. `draft` is what staff filled in
-- without the fields; `fields` and `keys` are what came of them and of the standard, so that what is
-- published is exactly what was reviewed.
create table hub.resources (
  id text primary key check (id ~ '^[a-z][a-z0-9-]{0,62}$'),
  number integer generated always as identity unique,
  code text not null unique,
  provider text not null references hub.departments (id),
  standard text,
  title text not null,
  share_type text not null check (share_type in ('unconditional', 'conditional', 'not-shared')),
  state text not null check (state in ('draft', 'department-review', 'bureau-review', 'published', 'returned', 'withdrawn')),
  version integer not null default 1,
  published_version integer,
  published_at timestamptz(3),
  draft jsonb not null,
  fields jsonb not null,
  keys jsonb not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index resources_provider on hub.resources (provider, id);
create index resources_state on hub.resources (state, id);

-- Every code ever given: a resource that was coded anew before its first publication leaves its old code
-- behind, and nobody gets it again (发改高技术〔2017〕1272号).
create table hub.resource_codes (
  code text primary key,
  resource text not null references hub.resources (id) deferrable initially deferred
);

-- Codes are given in order within their class, item, topic and detail, and never given again.
create table hub.resource_code_sequences (
  prefix text primary key,
  last integer not null
);

-- What the search looks through: one row for those who see the working state of a resource, one for
-- everybody while it is published. Narrow rows, for every one of them is read when a word is rare; `text`
-- compares bytes (collation C), which a search for a part needs and which is several times faster.
create table hub.resource_listings (
  resource text not null references hub.resources (id),
  face text not null check (face in ('working', 'published')),
  provider text not null,
  class text not null,
  share_type text not null,
  state text not null,
  standard text,
  text text collate "C" not null,
  primary key (resource, face)
);

create table hub.resource_versions (
  resource text not null references hub.resources (id),
  version integer not null,
  draft jsonb not null,
  fields jsonb not null,
  keys jsonb not null,
  published_at timestamptz(3) not null default now(),
  published_by text not null,
  primary key (resource, version)
);

-- Every step, drafting and editing included: four eyes look here for who did what of a version.
create table hub.resource_transitions (
  id bigint generated always as identity primary key,
  resource text not null references hub.resources (id),
  action text not null,
  from_state text,
  to_state text not null,
  staff text not null,
  comment text,
  bypassed boolean not null default false,
  version integer not null,
  at timestamptz(3) not null default now()
);
create index resource_transitions_resource on hub.resource_transitions (resource, id);

create table hub.mounts (
  resource text primary key references hub.resources (id),
  mount jsonb not null,
  version integer not null default 1,
  updated_by text not null,
  updated_at timestamptz(3) not null default now()
);

-- One row a resource that has a record table: the merge lock's companion. `served_version` is 0 while the
-- resource is withdrawn, `last_seq` the last change number given, `filter_fields` what live grants filter
-- rows by, `cleared_seq` the highest tombstone already purged, `indexes_pending` says that indexes of
-- fields added by a revision are still to be built.
create table hub.change_numbers (
  resource_number integer primary key,
  resource text not null unique references hub.resources (id),
  served_version integer not null,
  last_seq bigint not null default 0,
  cleared_seq bigint not null default 0,
  filter_fields text[] not null default '{}',
  indexes_pending boolean not null default false
);
