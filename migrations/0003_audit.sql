-- The audit log's writing side: entries that can only be added, what finds them, and what the sealer takes.
--
-- Ids are UUIDv7 (RFC 9562), so an id carries its time and every table is partitioned by ranges of ids,
-- one range a month (UTC). Months are made ahead by the owner through audit.ensure_months; whatever
-- falls outside them (a clock gone wrong) lands in the default partition instead of stopping all calls.

-- The log itself: one row a call. leaf_bytes is canonical JSON (RFC 8785) with a digest of salted digests,
-- free of personal data; leaf_hash is SHA-256(0x00 || leaf_bytes) (RFC 6962, section 2.1).
create table audit.entries (
  id uuid primary key,
  leaf_bytes bytea not null check (octet_length(leaf_bytes) between 1 and 65535),
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
) partition by range (id);

-- Ids that have no position in the tree yet. No key: each id is inserted once, together with its entry,
-- and the sealer takes whatever is there. Vacuumed by count, for it is always nearly empty.
create table audit.pending (
  id uuid not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- The projection that searches use. details holds clear values and what gives their salts, sealed (AES-256-GCM) with the
-- month's key. Neither ciphertext nor digests compress, so PostgreSQL need not try.
create table audit.search (
  id uuid primary key,
  ready_at timestamptz(3) not null,
  operation text not null,
  outcome text not null,
  code text,
  department text,
  system text,
  resource text,
  purpose text,
  case_hash bytea,
  details bytea
) partition by range (id);
alter table audit.entries alter column leaf_bytes set storage external;
alter table audit.search alter column details set storage external;

create index on audit.search (resource, id) where resource is not null;
create index on audit.search (department, id) where department is not null;
create index on audit.search (case_hash, id) where case_hash is not null;

-- "Who looked at this record": one keyed hash of resource and key (16 bytes) a record that a call was about.
create table audit.subjects (
  subject bytea not null,
  id uuid not null,
  primary key (subject, id)
) partition by range (id);

-- Change feeds and deliveries say which change numbers they covered: those after "after", through "through".
create table audit.ranges (
  resource text not null,
  after bigint not null,
  through bigint not null check (through > after),
  id uuid primary key
) partition by range (id);

-- How many ranges hold one change number does not grow with time (about one a consumer and resource),
-- so stabbing first and looking at the resource after is cheap.
create index on audit.ranges using gist (int8range(after, through, '(]'));

create function audit.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '审计日志只能追加,不能% / The audit log can only be added to: % on %.% is refused',
    tg_op, tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end
$$;

-- Statement triggers cost an insert nothing. They do not reach down to partitions, so each gets its own.
create trigger refuse_change before update or delete or truncate on audit.entries
  for each statement execute function audit.refuse_change();

-- The lowest UUID of an instant: 48 bits of milliseconds (RFC 9562, section 5.7), the rest zero.
create function audit.first_id(instant timestamptz) returns uuid
  language sql immutable strict parallel safe as $$
  select rpad(lpad(to_hex(floor(extract(epoch from instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Makes one partition. A separate table is attached, which locks inserts out far shorter than
-- "create table … partition of" does.
create function audit.make_partition(parent text, suffix text, bounds text) returns void
  language plpgsql set search_path = pg_catalog, audit as $$
declare
  partition text := parent || '_' || suffix;
begin
  execute format('create table audit.%I (like audit.%I including defaults including constraints including storage)',
    partition, parent);
  if parent = 'entries' then
    execute format('create trigger refuse_change before update or delete or truncate on audit.%I '
      'for each statement execute function audit.refuse_change()', partition);
  end if;
  execute format('alter table audit.%I attach partition audit.%I %s', parent, partition, bounds);
end
$$;

-- Makes the partitions of the running month and of so many months after it, run as the owner whoever
-- calls. Answers the partitions that could not be made: those whose rows already lie in the default
-- partition, and those whose lock could not be had within two seconds (the next call tries again).
create function audit.ensure_months(ahead integer) returns text[]
  language plpgsql security definer set search_path = pg_catalog, audit as $$
declare
  missing text[] := '{}';
  parent text;
  month timestamp;
  suffix text;
begin
  if ahead not between 0 and 120 then
    raise exception '提前月数须在 0 至 120 之间 / Months ahead must be 0 to 120, not %', ahead;
  end if;
  perform pg_advisory_xact_lock(hashtext('audit.ensure_months'));
  perform set_config('lock_timeout', '2s', true);
  for month in
    select generate_series(start, start + make_interval(months => ahead), interval '1 month')
    from date_trunc('month', now() at time zone 'UTC') as start
  loop
    suffix := to_char(month, 'YYYY_MM');
    foreach parent in array array['entries', 'search', 'subjects', 'ranges'] loop
      continue when to_regclass(format('audit.%I', parent || '_' || suffix)) is not null;
      begin
        perform audit.make_partition(parent, suffix, format('for values from (%L) to (%L)',
          audit.first_id(month at time zone 'UTC'),
          audit.first_id((month + interval '1 month') at time zone 'UTC')));
      exception
        when check_violation or lock_not_available then
          missing := missing || (parent || '_' || suffix);
      end;
    end loop;
  end loop;
  return missing;
end
$$;

select audit.make_partition(parent, 'default', 'default')
from unnest(array['entries', 'search', 'subjects', 'ranges']) as parent;
select audit.ensure_months(3);

revoke execute on function audit.make_partition(text, text, text), audit.ensure_months(integer) from public;
grant execute on function audit.ensure_months(integer) to shuqiao_app, shuqiao_sealer;

-- The hub adds and reads, nothing else. The sealer reads everything and takes ids out of pending.
grant select, insert on audit.entries, audit.pending, audit.search, audit.subjects, audit.ranges to shuqiao_app;
grant select on audit.entries, audit.pending, audit.search, audit.subjects, audit.ranges to shuqiao_sealer;
grant delete on audit.pending to shuqiao_sealer;
