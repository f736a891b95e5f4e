-- Runs (运行), their batches and rejects (问题数据). A run is a row that is committed first; its counts are
-- written in the transaction of each batch, so that they can never disagree with the records.
create table hub.runs (
  id uuid primary key,
  resource text not null references hub.resources (id),
  kind text not null check (kind in ('push', 'load', 'replay')),
  mode text not null check (mode in ('upsert', 'delete', 'changes', 'snapshot')),
  state text not null check (state in ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled')),
  is_dry boolean not null default false,
  is_forced boolean not null default false,
  system text,
  staff text,
  department text not null,
  read_count bigint not null default 0,
  inserted_count bigint not null default 0,
  updated_count bigint not null default 0,
  unchanged_count bigint not null default 0,
  stale_count bigint not null default 0,
  superseded_count bigint not null default 0,
  deleted_count bigint not null default 0,
  rejected_count bigint not null default 0,
  flagged_count bigint not null default 0,
  byte_count bigint not null default 0,
  batch_count integer not null default 0,
  next_batch integer,
  start_seq bigint,
  last_seq bigint,
  columns text[],
  drift text[],
  unmapped jsonb,
  media_type text,
  content_encoding text,
  replay_of uuid references hub.runs (id),
  error jsonb,
  leased_until timestamptz,
  leased_by text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  -- What a snapshot deletes are records that it did not name: nobody has read a row of them.
  constraint counts_add_up check (state not in ('succeeded', 'partial') or read_count =
    inserted_count + updated_count + unchanged_count + stale_count + superseded_count + rejected_count
    + case when mode = 'snapshot' and not is_dry then 0 else deleted_count end)
);
create index runs_resource on hub.runs (resource, id);
create index runs_open on hub.runs (state, leased_until) where state in ('queued', 'running');

-- One row a committed batch. `prefix_digest` is the SHA-256 of the decompressed body up to `end_byte`: what
-- a repeated call is compared by. Numbered batches of a long load keep their whole answer.
create table hub.batches (
  run_id uuid not null references hub.runs (id),
  number integer not null,
  read_count bigint not null,
  end_byte bigint,
  prefix_digest bytea,
  body_digest bytea,
  answer jsonb,
  last_seq bigint,
  committed_at timestamptz not null default now(),
  primary key (run_id, number)
);

-- Source rows in rejects are personal data: sealed with the settings key, shown to the provider only.
create table hub.rejects (
  run_id uuid not null references hub.runs (id),
  line bigint not null,
  field text,
  code text not null,
  reasons jsonb not null,
  sealed bytea not null,
  state text not null default 'open' check (state in ('open', 'repaired')),
  repaired_by uuid,
  repaired_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (run_id, line)
);
create index rejects_repaired on hub.rejects (repaired_at) where state = 'repaired';

-- Idempotency keys: the same key and body are answered the same for the days of the setting.
create table hub.idempotency_keys (
  scope text not null,
  key text not null,
  run_id uuid not null references hub.runs (id),
  request_digest bytea not null,
  body_digest bytea,
  created_at timestamptz not null default now(),
  primary key (scope, key)
);
create index idempotency_keys_created on hub.idempotency_keys (created_at);

-- Bodies of calls that asked to be answered before their rows have landed, in pieces of bounded size.
create table hub.run_bodies (
  run_id uuid not null references hub.runs (id),
  piece integer not null,
  bytes bytea not null,
  primary key (run_id, piece)
);

-- Rows of a snapshot wait here, logged, until the commit's guards have passed: an unlogged table would be
-- emptied by a crash, and the commit would then delete everybody.
create table hub.snapshot_rows (
  run_id uuid not null references hub.runs (id),
  key text not null,
  ordinal bigint not null,
  stage_line text,
  hash text,
  source_at timestamptz,
  primary key (run_id, key)
);
create index snapshot_rows_ordinal on hub.snapshot_rows (run_id, ordinal);
