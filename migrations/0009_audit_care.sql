-- What may be taken out of the log, and how: single values under the law (redaction), and whole months once they
-- are kept elsewhere (archive). Entries, leaves and tiles are touched by neither. Each power is one function that
-- runs as the owner, demands its grounds, and leaves a row that nobody can change.

-- How long an entry is kept at least, and how long its values may only be redacted under a legal instrument.
create function audit.retention() returns interval
  language sql immutable parallel safe as $$ select interval '3 years' $$;

-- What one officer asks for. The other one confirms it, or it stays without effect.
create table audit.redaction_requests (
  id uuid primary key,
  entry uuid not null,
  facts text[] not null check (cardinality(facts) > 0),
  instrument jsonb check (jsonb_typeof(instrument) = 'object'),
  reason text not null,
  requested_by text not null,
  requested_at timestamptz(3) not null default now()
);
create index on audit.redaction_requests (entry);

-- What was redacted: the digests stay, so that the leaf can be computed again without salts and values.
create table audit.redactions (
  id uuid primary key,
  entry uuid not null,
  digests jsonb not null check (jsonb_typeof(digests) = 'object'),
  confirmed_by text not null,
  confirmed_at timestamptz(3) not null default now(),
  -- The entry of the log that tells of this redaction; each tells of one.
  told_in uuid not null unique
);
create index on audit.redactions (entry);

-- Months that are on their way out of the database, by the last step that is done.
create table audit.archives (
  month text primary key check (month ~ '^\d{4}-(0[1-9]|1[0-2])$'),
  folder text not null,
  step text not null default 'begun' check (step in ('begun', 'exported', 'sealed', 'verified', 'dropped')),
  entry_count bigint,
  first_position bigint,
  last_position bigint,
  manifest_digest text,
  verified_at timestamptz(3),
  dropped_at timestamptz(3),
  check (step not in ('verified', 'dropped')
    or (entry_count > 0 and first_position <= last_position and manifest_digest is not null and verified_at is not null)),
  check ((step = 'dropped') = (dropped_at is not null))
);

-- The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562, section 5.7).
create function audit.instant_of_id(id uuid) returns timestamptz
  language sql immutable strict parallel safe as $$
  select to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)
$$;

create function audit.first_id_of_month(month text) returns uuid
  language sql immutable strict parallel safe set search_path = pg_catalog, audit as $$
  select audit.first_id((month || '-01')::timestamp at time zone 'UTC')
$$;

create function audit.first_id_after_month(month text) returns uuid
  language sql immutable strict parallel safe set search_path = pg_catalog, audit as $$
  select audit.first_id(((month || '-01')::timestamp + interval '1 month') at time zone 'UTC')
$$;

-- Writes one entry's details anew, without what was asked to be redacted, and takes away what finds it by that.
-- Who called, when, and which resource are in columns that this never writes. `seen` is the SHA-256 of the details
-- that the new ones were made from: of two redactions at once, the later one must not bring back a value.
create function audit.redact(request uuid, officer text, details_seen bytea, details_left bytea, erased jsonb, told_in uuid)
  returns void language plpgsql security definer set search_path = pg_catalog, audit as $$
declare
  asked audit.redaction_requests;
  entry_at timestamptz;
begin
  select * into strict asked from audit.redaction_requests where id = request;
  entry_at := audit.instant_of_id(asked.entry);
  if asked.requested_by = officer then
    raise exception '不得确认自己的申请 / Nobody confirms their own request' using errcode = 'insufficient_privilege';
  end if;
  if asked.instrument is null and entry_at + audit.retention() > now() then
    raise exception '保存期未满且未列明法律文书 / Retention has not ended and no legal instrument is named'
      using errcode = 'insufficient_privilege';
  end if;
  if (select array_agg(name order by name) from jsonb_object_keys(erased) as name)
     is distinct from (select array_agg(distinct name order by name) from unnest(asked.facts) as name) then
    raise exception '与申请的信息项不符 / These are not the facts that were asked for';
  end if;
  if not exists (select from audit.entries where id = told_in) then
    raise exception '须先记入审计日志 / The log must tell of it first';
  end if;
  update audit.search set
    details = details_left,
    case_hash = case when 'caseNumber' = any (asked.facts) then null else case_hash end
  where id = asked.entry and sha256(details) = details_seen;
  if not found then
    raise exception '明细已变更或不在库中 / The details have changed or are not here' using errcode = 'serialization_failure';
  end if;
  if 'subjects' = any (asked.facts) then
    delete from audit.subjects where id = asked.entry;
  end if;
  if 'sequenceRange' = any (asked.facts) then
    delete from audit.ranges where id = asked.entry;
  end if;
  insert into audit.redactions (id, entry, digests, confirmed_by, told_in)
  values (request, asked.entry, erased, officer, told_in);
  -- A file of the month's details that still holds the value must not count as verified.
  update audit.archives set step = 'exported', verified_at = null
  where step in ('sealed', 'verified')
    and asked.entry >= audit.first_id_of_month(month) and asked.entry < audit.first_id_after_month(month);
end
$$;

-- Why a month cannot be dropped; null when it can. Months go whole or not at all, and never the default partition:
-- what lies there came from a clock gone wrong, and somebody has to look at it.
create function audit.month_obstacle(wanted text) returns text
  language plpgsql security definer set search_path = pg_catalog, audit as $$
declare
  archive audit.archives;
  since uuid := audit.first_id_of_month(wanted);
  until uuid := audit.first_id_after_month(wanted);
  parent text;
  is_there boolean;
  found_count bigint;
begin
  select * into archive from audit.archives where month = wanted;
  if archive.step is distinct from 'verified' then
    return '归档尚未核验 / The archive is not verified';
  end if;
  if (wanted || '-01')::timestamp at time zone 'UTC' + interval '1 month' + audit.retention() > now() then
    return '保存期未满 / Retention has not ended';
  end if;
  foreach parent in array array['entries', 'search', 'subjects', 'ranges'] loop
    execute format('select exists (select from audit.%I where id >= $1 and id < $2)', parent || '_default')
      into is_there using since, until;
    if is_there then
      return format('默认分区 %1$s_default 中有该月的行,请先查明 / %1$s_default holds rows of this month: look at them first', parent);
    end if;
    if to_regclass(format('audit.%I', parent || '_' || replace(wanted, '-', '_'))) is null then
      return '该月没有自己的分区 / The month has no partition of its own';
    end if;
  end loop;
  if exists (select from audit.pending where id >= since and id < until) then
    return '该月还有未封存的条目 / Entries of this month are not sealed yet';
  end if;
  select count(*) into found_count from audit.entries join audit.leaves on leaves.entry = entries.id and leaves.hash = entries.leaf_hash
  where entries.id >= since and entries.id < until and position between archive.first_position and archive.last_position;
  if found_count <> archive.entry_count
     or found_count <> (select count(*) from audit.entries where id >= since and id < until) then
    return '归档与库中条目不符 / The archive does not hold what the log holds';
  end if;
  if not exists (select from audit.checkpoints where size > archive.last_position) then
    return '该月尚无检查点 / No checkpoint covers this month';
  end if;
  return null;
end
$$;

-- Drops one month's partitions. Whoever calls has read the archive's files again just before: `digest` is that of
-- the manifest they agree with.
create function audit.drop_month(wanted text, digest text) returns void
  language plpgsql security definer set search_path = pg_catalog, audit as $$
declare
  suffix text := replace(wanted, '-', '_');
  parent text;
  obstacle text;
begin
  perform pg_advisory_xact_lock(hashtext('audit.ensure_months'));
  perform set_config('lock_timeout', '2s', true);
  -- Held until the month is gone, so that no redaction makes the files out of date meanwhile.
  perform from audit.archives where month = wanted for update;
  obstacle := audit.month_obstacle(wanted);
  if obstacle is null and digest is distinct from (select manifest_digest from audit.archives where month = wanted) then
    obstacle := '清单与登记的不同 / The manifest is not the one that was verified';
  end if;
  if obstacle is not null then
    raise exception '% 月不能移出:% / Month % stays', wanted, obstacle, wanted using errcode = 'object_not_in_prerequisite_state';
  end if;
  foreach parent in array array['entries', 'search', 'subjects', 'ranges'] loop
    execute format('drop table audit.%I', parent || '_' || suffix);
  end loop;
  update audit.archives set step = 'dropped', dropped_at = now() where month = wanted;
end
$$;

create trigger refuse_change before update or delete or truncate on audit.redaction_requests
  for each statement execute function audit.refuse_change();
create trigger refuse_change before update or delete or truncate on audit.redactions
  for each statement execute function audit.refuse_change();
create trigger refuse_change before delete or truncate on audit.archives
  for each statement execute function audit.refuse_change();

revoke execute on function audit.redact(uuid, text, bytea, bytea, jsonb, uuid), audit.month_obstacle(text),
  audit.drop_month(text, text) from public;
grant execute on function audit.redact(uuid, text, bytea, bytea, jsonb, uuid), audit.month_obstacle(text),
  audit.drop_month(text, text) to shuqiao_app;

grant select on audit.redaction_requests, audit.redactions, audit.archives to shuqiao_app, shuqiao_sealer;
grant insert on audit.redaction_requests to shuqiao_app;
grant insert (month, folder) on audit.archives to shuqiao_app;
grant update (folder, step, entry_count, first_position, last_position, manifest_digest, verified_at) on audit.archives to shuqiao_app;
