-- Roles, schemas and what each role may do.
--
-- The embedded default makes its roles itself. In a database of your own, its administrator runs once,
-- before the first migration (unless the migrating user may create roles, then this file does):
--
--   create role shuqiao_owner  login password '…';
--   create role shuqiao_app    login password '…';
--   create role shuqiao_sealer login password '…';
--   create database shuqiao owner shuqiao_owner;
--
-- SHUQIAO_MIGRATION_URL then names shuqiao_owner, SHUQIAO_DATABASE_URL shuqiao_app and
-- SHUQIAO_SEALER_URL shuqiao_sealer. Later migrations are run by the same user as this one, for the
-- default privileges below belong to it.

do $$
declare
  wanted text;
begin
  foreach wanted in array array['shuqiao_owner', 'shuqiao_app', 'shuqiao_sealer'] loop
    if exists (select from pg_roles where rolname = wanted) then
      continue;
    end if;
    begin
      execute format('create role %I nologin', wanted);
    exception
      when duplicate_object or unique_violation then
        null; -- another database of the same server was migrated at the same moment
      when insufficient_privilege then
        if wanted <> 'shuqiao_owner' then
          raise exception '缺少角色 %,当前用户无权创建;请管理员先执行 create role % login password ''…'' / role % is missing and % may not create it',
            wanted, wanted, wanted, current_user;
        end if;
    end;
  end loop;
end
$$;

create schema if not exists hub;
create schema if not exists records;
create schema if not exists audit;

grant usage on schema hub to shuqiao_app, shuqiao_sealer;
grant usage, create on schema records to shuqiao_app;
grant usage on schema audit to shuqiao_app, shuqiao_sealer;

alter default privileges in schema hub
  grant select, insert, update, delete on tables to shuqiao_app;
alter default privileges in schema hub
  grant usage, select on sequences to shuqiao_app;

-- Written by the migration runner, which makes the table before this file runs.
grant select on hub.migrations to shuqiao_app, shuqiao_sealer;

-- Of each key file of the hub a fingerprint (never the key), recorded when the key is first used: a host
-- with other keys refuses to start instead of writing a second, different log. Insert-only for the hub.
create table hub.key_fingerprints (
  name text primary key,
  fingerprint text not null,
  recorded_at timestamptz(3) not null default now()
);
revoke update, delete on hub.key_fingerprints from shuqiao_app;
grant select on hub.key_fingerprints to shuqiao_sealer;
