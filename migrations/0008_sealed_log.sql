-- The sealed log: one position for every committed entry, and the Merkle tree over them (RFC 6962) in tiles
-- of 256 hashes (C2SP tlog-tiles). Only the sealer writes here, and nothing is ever changed or removed.

-- The tree as it stands. Whoever appends moves the size from what it has read: the fence between two sealers.
create table audit.tree (
  is_only boolean primary key default true check (is_only),
  size bigint not null default 0 check (size >= 0),
  root bytea not null check (octet_length(root) = 32),
  -- The log's name in its checkpoints (C2SP tlog-checkpoint): made once, and kept by every backup.
  origin text not null check (origin ~ '^[^\s+]+$')
);
insert into audit.tree (root, origin)
values (sha256(''), 'shuqiao/' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 8));

create table audit.leaves (
  position bigint primary key check (position >= 0),
  entry uuid not null unique,
  hash bytea not null check (octet_length(hash) = 32)
);

-- Full tiles alone: a partial one is the beginning of the full one that it becomes, and is read from what lies
-- below it. `root` is the hash over the whole tile, that is one hash of the level above.
create table audit.tiles (
  level smallint not null check (level between 0 and 7),
  number bigint not null check (number >= 0),
  hashes bytea not null check (octet_length(hashes) = 8192),
  root bytea not null check (octet_length(root) = 32),
  primary key (level, number)
);
alter table audit.tiles alter column hashes set storage external;

-- Signed checkpoints (C2SP tlog-checkpoint): at most one a size.
create table audit.checkpoints (
  size bigint primary key check (size >= 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  signed_at timestamptz(3) not null default now()
);

-- The keys that checkpoints have been signed with (C2SP signed-note verifier keys), in their order. A key that
-- follows another comes with the checkpoint that both signed and that names it: whoever trusts the one can
-- follow to the other. Public keys only: the private ones are files outside the database.
create table audit.verifier_keys (
  number integer primary key check (number > 0),
  verifier_key text not null unique,
  handover text,
  added_at timestamptz(3) not null default now()
);

create trigger refuse_change before update or delete or truncate on audit.verifier_keys
  for each statement execute function audit.refuse_change();
create trigger refuse_change before update or delete or truncate on audit.leaves
  for each statement execute function audit.refuse_change();
create trigger refuse_change before update or delete or truncate on audit.tiles
  for each statement execute function audit.refuse_change();
create trigger refuse_change before update or delete or truncate on audit.checkpoints
  for each statement execute function audit.refuse_change();
create trigger refuse_change before insert or delete or truncate on audit.tree
  for each statement execute function audit.refuse_change();

grant select on audit.tree, audit.leaves, audit.tiles, audit.checkpoints, audit.verifier_keys to shuqiao_app, shuqiao_sealer;
grant insert on audit.leaves, audit.tiles, audit.checkpoints, audit.verifier_keys to shuqiao_sealer;
grant update (size, root) on audit.tree to shuqiao_sealer;
