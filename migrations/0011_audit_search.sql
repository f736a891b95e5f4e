-- What a search of ten million entries needs, at the least cost to every call that is logged. Measured: an index
-- of its own for each filter costs each entry more than its row; ids rise with time, and so rows of one time lie
-- together. A summary of every 32 pages (BRIN with Bloom filters) says where a rare system, department, resource
-- or purpose cannot be, and costs an insert nothing; what is common is found at once from the newest entry back.
drop index audit.search_resource_id_idx, audit.search_department_id_idx;
create index search_rare on audit.search using brin (
  department text_bloom_ops (n_distinct_per_range = 100),
  system text_bloom_ops (n_distinct_per_range = 200),
  resource text_bloom_ops (n_distinct_per_range = 200),
  purpose text_bloom_ops (n_distinct_per_range = 300)
) with (pages_per_range = 32);

-- Only what was not allowed, and hints: few entries each.
create index search_refused on audit.search (outcome, id) where outcome <> 'allowed';
create index search_hints on audit.search (id) where operation = 'audit.hint';

-- How much each system takes out an hour: what is usual for it, to tell what is not. Counts alone.
create table hub.system_usage (
  system text not null,
  hour timestamptz(0) not null,
  call_count bigint not null,
  record_count bigint not null,
  primary key (hour, system)
);

-- The addresses that systems call from, as keyed hashes.
create table hub.system_addresses (
  system text not null,
  address_hash bytea not null,
  seen_at timestamptz(3) not null,
  primary key (system, address_hash)
);

-- Which hints have been told: each at most once a system, kind and hour, however many processes the hub has.
create table hub.told_hints (
  hour timestamptz(0) not null,
  system text not null,
  kind text not null,
  primary key (hour, system, kind)
);
