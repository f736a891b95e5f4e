-- Syncs (同步任务): standing orders to keep a resource fed from a source, or a subscriber fed from a resource.
-- Secrets of the connector's settings lie sealed beside the rest and are never given back.
create table hub.syncs (
  id text primary key check (id ~ '^[a-z][a-z0-9-]{0,62}$'),
  title text,
  resource text not null references hub.resources (id),
  direction text not null check (direction in ('pull', 'deliver')),
  department text not null references hub.departments (id),
  adapter text,
  source text,
  connector text not null,
  settings jsonb not null,
  secrets bytea,
  -- Where the store is, without secrets: syncs of one origin share its concurrency limit.
  origin text not null,
  mode text not null check (mode in ('full', 'incremental')),
  cursor text[],
  overlap text,
  cron text,
  timezone text,
  limits jsonb not null default '{}',
  error_limit jsonb not null default '{}',
  on_drift text not null default 'pause' check (on_drift in ('pause', 'ignore', 'add')),
  fewer_than_share_min double precision not null default 0.8,
  silent_after_hours integer,
  priority integer not null default 5 check (priority between 1 and 10),
  mapping jsonb,
  target_columns jsonb,
  grant_id text references hub.grants (id),
  context jsonb not null default '{}',
  state text not null default 'active' check (state in ('active', 'paused')),
  paused_for text,
  -- What the sync knows of its source. `position` is written in the transaction of the batch behind it.
  position jsonb,
  -- Columns with their types, as last seen and accepted.
  source_columns jsonb,
  last_full_count bigint,
  -- Of a delivery: which full load is under way or was the last, and the last batch's number.
  generation integer not null default 0,
  batch_number bigint not null default 0,
  next_due_at timestamptz(3),
  last_run uuid,
  last_success_at timestamptz(3),
  last_failure_at timestamptz(3),
  last_row_at timestamptz(3),
  version integer not null default 1,
  created_by text not null references hub.staff (id),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  check ((direction = 'deliver') = (grant_id is not null))
);
create index syncs_resource on hub.syncs (resource, id);
create index syncs_due on hub.syncs (next_due_at) where state = 'active' and next_due_at is not null;

alter table hub.runs
  add column sync text references hub.syncs (id),
  add column scheduled_at timestamptz(3),
  -- Beside the live sync: a range by hand (backfill), or a check by key.
  add column is_aside boolean not null default false,
  -- What was decided when the run began: bounds, columns, generation. A run that is taken up again keeps it.
  add column plan jsonb,
  add column checkpoint jsonb,
  add column attempt integer not null default 0,
  add column not_before timestamptz(3),
  add column priority integer not null default 5,
  add column lane text not null default 'small' check (lane in ('small', 'large')),
  add column last_error jsonb,
  add column reconciliation jsonb,
  drop constraint runs_kind_check,
  add constraint runs_kind_check check (kind in ('push', 'load', 'replay', 'pull', 'deliver', 'check')),
  add constraint runs_of_syncs check ((sync is not null) = (kind in ('pull', 'deliver', 'check')));
create index runs_sync on hub.runs (sync, id) where sync is not null;
create index runs_postponed on hub.runs (not_before) where state = 'queued' and not_before is not null;
-- A second run of a sync never starts while one runs.
create unique index runs_one_of_sync on hub.runs (sync) where state = 'running' and sync is not null and not is_aside;

-- Rejects of a pull say which file or exchange batch the row came from, and its line there.
alter table hub.rejects add column unit text, add column unit_line bigint;

-- Files and exchange batches of a run whose source waits to be told their fate.
create table hub.run_units (
  run_id uuid not null references hub.runs (id),
  unit text not null,
  read_count bigint not null,
  landed_count bigint not null,
  flagged_count bigint not null,
  rejected_count bigint not null,
  landed_at timestamptz not null default now(),
  acknowledged_at timestamptz,
  primary key (run_id, unit)
);
create index run_units_open on hub.run_units (run_id) where acknowledged_at is null;

-- Keys that a check found to differ. They are personal data: sealed like rejects.
create table hub.run_differences (
  run_id uuid not null references hub.runs (id),
  number integer not null,
  kind text not null check (kind in ('missing', 'extra', 'differing')),
  sealed bytea not null,
  primary key (run_id, number)
);

-- A mount may name the store itself; the secrets of its settings lie sealed like a sync's.
alter table hub.mounts add column secrets bytea;

-- Claims a run of a sync, all in one call, since it is what every run begins with: it is queued and due, or its
-- holder has died; its sync is active and runs nothing else; fewer runs than the limit use the same store.
-- Claims of one store come one after the other, so that two cannot both take the last place: each statement
-- of a volatile function sees what was committed before it.
--   claimed · busy (its time has not come, or its store is: then a queued one is put off) · stored (a push, which intake claims itself) · no row: nothing to do
create function hub.claim_run(run_id uuid, holder text, lease interval, pause interval, concurrency_default integer)
  returns table (outcome text, of_sync text) language plpgsql volatile as $$
declare
  wanted record;
  taken record;
  busy_count integer;
begin
  select r.sync, s.origin, coalesce((s.limits ->> 'concurrency')::integer, concurrency_default) as room
    into wanted from hub.runs r left join hub.syncs s on s.id = r.sync where r.id = run_id;
  if not found then return; end if;
  of_sync := wanted.sync;
  if wanted.sync is null then
    outcome := 'stored';
    return next;
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('sync-origin ' || wanted.origin, 0));
  select r.is_aside, r.state = 'queued' and coalesce(r.not_before > now(), false) as waits
    into taken from hub.runs r join hub.syncs s on s.id = r.sync
    where r.id = run_id and s.state = 'active'
      and (r.state = 'queued' or (r.state = 'running' and r.leased_until < now()))
    for update of r;
  if not found then return; end if;
  outcome := 'busy';
  if taken.waits then
    return next;
    return;
  end if;
  select case when bool_or(r.sync = wanted.sync and not r.is_aside and not taken.is_aside) then wanted.room
      else count(*) filter (where r.leased_until >= now()) end
    into busy_count from hub.runs r join hub.syncs s on s.id = r.sync
    where r.state = 'running' and r.id <> run_id and s.origin = wanted.origin;
  if busy_count >= wanted.room then
    update hub.runs set not_before = now() + pause where id = run_id and state = 'queued';
    return next;
    return;
  end if;
  -- A claim that a crash forgets leaves the run queued, and its holder can land nothing: it need not wait for the disk.
  perform set_config('synchronous_commit', 'off', true);
  update hub.runs set state = 'running', leased_by = holder, not_before = null, leased_until = now() + lease,
    started_at = coalesce(started_at, now()) where id = run_id;
  -- A backfill or a check says nothing about how the sync itself is.
  if not taken.is_aside then
    update hub.syncs set last_run = run_id where id = wanted.sync;
  end if;
  outcome := 'claimed';
  return next;
end
$$;
