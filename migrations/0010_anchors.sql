-- RFC 3161 timestamps of checkpoints: an authority outside says since when a checkpoint has existed. The token
-- is its whole answer (TimeStampResp, DER) over the checkpoint's note, and is never changed or removed.
create table audit.timestamps (
  size bigint primary key references audit.checkpoints (size),
  token bytea not null check (octet_length(token) between 1 and 65536),
  at timestamptz(3) not null default now()
);
create index on audit.timestamps (at);

create trigger refuse_change before update or delete or truncate on audit.timestamps
  for each statement execute function audit.refuse_change();

grant select on audit.timestamps to shuqiao_app, shuqiao_sealer;
grant insert on audit.timestamps to shuqiao_sealer;
