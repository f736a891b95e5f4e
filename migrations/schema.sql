-- Written by scripts/schema-dump.ts from the migrations; do not edit.

-- schemas
schema audit: shuqiao_app=usage shuqiao_sealer=usage
schema hub: shuqiao_app=usage shuqiao_sealer=usage
schema records: shuqiao_app=create,usage

-- default privileges
in hub on sequences: shuqiao_app=select,usage
in hub on tables: shuqiao_app=delete,insert,select,update

-- types

-- relations
partitioned table audit.entries by RANGE (id): shuqiao_app=insert,select shuqiao_sealer=select
partitioned table audit.ranges by RANGE (id): shuqiao_app=insert,select shuqiao_sealer=select
partitioned table audit.search by RANGE (id): shuqiao_app=insert,select shuqiao_sealer=select
partitioned table audit.subjects by RANGE (id): shuqiao_app=insert,select shuqiao_sealer=select
sequence hub.application_decisions_id_seq: shuqiao_app=select,usage
sequence hub.grant_transitions_id_seq: shuqiao_app=select,usage
sequence hub.resource_transitions_id_seq: shuqiao_app=select,usage
sequence hub.resources_number_seq: shuqiao_app=select,usage
table audit.archives: shuqiao_app=select shuqiao_sealer=select
table audit.checkpoints: shuqiao_app=select shuqiao_sealer=insert,select
table audit.entries_default partition DEFAULT:
table audit.leaves: shuqiao_app=select shuqiao_sealer=insert,select
table audit.pending with autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=10000: shuqiao_app=insert,select shuqiao_sealer=delete,select
table audit.ranges_default partition DEFAULT:
table audit.redaction_requests: shuqiao_app=insert,select shuqiao_sealer=select
table audit.redactions: shuqiao_app=select shuqiao_sealer=select
table audit.search_default partition DEFAULT with autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=50000:
table audit.subjects_default partition DEFAULT with autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=50000:
table audit.tiles: shuqiao_app=select shuqiao_sealer=insert,select
table audit.timestamps: shuqiao_app=select shuqiao_sealer=insert,select
table audit.tree: shuqiao_app=select shuqiao_sealer=select
table audit.verifier_keys: shuqiao_app=select shuqiao_sealer=insert,select
table hub.application_decisions: shuqiao_app=delete,insert,select,update
table hub.applications: shuqiao_app=delete,insert,select,update
table hub.batches: shuqiao_app=delete,insert,select,update
table hub.change_numbers: shuqiao_app=delete,insert,select,update
table hub.departments: shuqiao_app=delete,insert,select,update
table hub.grant_transitions: shuqiao_app=delete,insert,select,update
table hub.grant_usage: shuqiao_app=delete,insert,select,update
table hub.grants: shuqiao_app=delete,insert,select,update
table hub.idempotency_keys: shuqiao_app=delete,insert,select,update
table hub.key_fingerprints: shuqiao_app=insert,select shuqiao_sealer=select
table hub.migrations: shuqiao_app=select shuqiao_sealer=select
table hub.mounts: shuqiao_app=delete,insert,select,update
table hub.rejects: shuqiao_app=delete,insert,select,update
table hub.resource_code_sequences: shuqiao_app=delete,insert,select,update
table hub.resource_codes: shuqiao_app=delete,insert,select,update
table hub.resource_listings: shuqiao_app=delete,insert,select,update
table hub.resource_transitions: shuqiao_app=delete,insert,select,update
table hub.resource_versions: shuqiao_app=delete,insert,select,update
table hub.resources: shuqiao_app=delete,insert,select,update
table hub.run_bodies: shuqiao_app=delete,insert,select,update
table hub.run_differences: shuqiao_app=delete,insert,select,update
table hub.run_units: shuqiao_app=delete,insert,select,update
table hub.runs: shuqiao_app=delete,insert,select,update
table hub.settings: shuqiao_app=delete,insert,select,update
table hub.snapshot_rows: shuqiao_app=delete,insert,select,update
table hub.staff: shuqiao_app=delete,insert,select,update
table hub.syncs: shuqiao_app=delete,insert,select,update
table hub.system_addresses: shuqiao_app=delete,insert,select,update
table hub.system_usage: shuqiao_app=delete,insert,select,update
table hub.systems: shuqiao_app=delete,insert,select,update
table hub.tokens: shuqiao_app=delete,insert,select,update
table hub.told_hints: shuqiao_app=delete,insert,select,update
table hub.verify_mismatches: shuqiao_app=delete,insert,select,update

-- columns
audit.archives 001. month text not null
audit.archives 002. folder text not null
audit.archives 003. step text not null default 'begun'::text
audit.archives 004. entry_count bigint
audit.archives 005. first_position bigint
audit.archives 006. last_position bigint
audit.archives 007. manifest_digest text
audit.archives 008. verified_at timestamp(3) with time zone
audit.archives 009. dropped_at timestamp(3) with time zone
audit.checkpoints 001. size bigint not null
audit.checkpoints 002. root bytea not null
audit.checkpoints 003. note text not null
audit.checkpoints 004. signed_at timestamp(3) with time zone not null default now()
audit.entries 001. id uuid not null
audit.entries 002. leaf_bytes bytea not null
audit.entries 003. leaf_hash bytea not null
audit.leaves 001. position bigint not null
audit.leaves 002. entry uuid not null
audit.leaves 003. hash bytea not null
audit.pending 001. id uuid not null
audit.ranges 001. resource text not null
audit.ranges 002. after bigint not null
audit.ranges 003. through bigint not null
audit.ranges 004. id uuid not null
audit.redaction_requests 001. id uuid not null
audit.redaction_requests 002. entry uuid not null
audit.redaction_requests 003. facts text[] not null
audit.redaction_requests 004. instrument jsonb
audit.redaction_requests 005. reason text not null
audit.redaction_requests 006. requested_by text not null
audit.redaction_requests 007. requested_at timestamp(3) with time zone not null default now()
audit.redactions 001. id uuid not null
audit.redactions 002. entry uuid not null
audit.redactions 003. digests jsonb not null
audit.redactions 004. confirmed_by text not null
audit.redactions 005. confirmed_at timestamp(3) with time zone not null default now()
audit.redactions 006. told_in uuid not null
audit.search 001. id uuid not null
audit.search 002. ready_at timestamp(3) with time zone not null
audit.search 003. operation text not null
audit.search 004. outcome text not null
audit.search 005. code text
audit.search 006. department text
audit.search 007. system text
audit.search 008. resource text
audit.search 009. purpose text
audit.search 010. case_hash bytea
audit.search 011. details bytea
audit.subjects 001. subject bytea not null
audit.subjects 002. id uuid not null
audit.tiles 001. level smallint not null
audit.tiles 002. number bigint not null
audit.tiles 003. hashes bytea not null
audit.tiles 004. root bytea not null
audit.timestamps 001. size bigint not null
audit.timestamps 002. token bytea not null
audit.timestamps 003. at timestamp(3) with time zone not null default now()
audit.tree 001. is_only boolean not null default true
audit.tree 002. size bigint not null default 0
audit.tree 003. root bytea not null
audit.tree 004. origin text not null
audit.verifier_keys 001. number integer not null
audit.verifier_keys 002. verifier_key text not null
audit.verifier_keys 003. handover text
audit.verifier_keys 004. added_at timestamp(3) with time zone not null default now()
hub.application_decisions 001. id bigint not null identity always
hub.application_decisions 002. application text not null
hub.application_decisions 003. decision text not null
hub.application_decisions 004. staff text not null
hub.application_decisions 005. reason text
hub.application_decisions 006. missing text[]
hub.application_decisions 007. days integer
hub.application_decisions 008. bypassed boolean not null default false
hub.application_decisions 009. at timestamp(3) with time zone not null default now()
hub.applications 001. id text not null
hub.applications 002. resource text not null
hub.applications 003. resource_version integer not null
hub.applications 004. share_type text not null
hub.applications 005. provider text not null
hub.applications 006. consumer text not null
hub.applications 007. system text not null
hub.applications 008. request jsonb not null
hub.applications 009. state text not null
hub.applications 010. filed_by text not null
hub.applications 011. filed_at timestamp(3) with time zone not null default now()
hub.applications 012. submitted_at timestamp(3) with time zone not null default now()
hub.applications 013. was_supplemented boolean not null default false
hub.applications 014. extension_days integer
hub.applications 015. decided_at timestamp(3) with time zone
hub.batches 001. run_id uuid not null
hub.batches 002. number integer not null
hub.batches 003. read_count bigint not null
hub.batches 004. end_byte bigint
hub.batches 005. prefix_digest bytea
hub.batches 006. body_digest bytea
hub.batches 007. answer jsonb
hub.batches 008. last_seq bigint
hub.batches 009. committed_at timestamp with time zone not null default now()
hub.change_numbers 001. resource_number integer not null
hub.change_numbers 002. resource text not null
hub.change_numbers 003. served_version integer not null
hub.change_numbers 004. last_seq bigint not null default 0
hub.change_numbers 005. cleared_seq bigint not null default 0
hub.change_numbers 006. filter_fields text[] not null default '{}'::text[]
hub.change_numbers 007. indexes_pending boolean not null default false
hub.departments 001. id text not null
hub.departments 002. name text not null
hub.departments 003. code text
hub.departments 004. local_code text
hub.departments 005. division text not null
hub.departments 006. parent text
hub.departments 007. kind text not null
hub.departments 008. level text
hub.departments 009. created_at timestamp(3) with time zone not null default now()
hub.grant_transitions 001. id bigint not null identity always
hub.grant_transitions 002. grant_id text not null
hub.grant_transitions 003. action text not null
hub.grant_transitions 004. version integer not null
hub.grant_transitions 005. staff text not null
hub.grant_transitions 006. ground text not null
hub.grant_transitions 007. reason text not null
hub.grant_transitions 008. bypassed boolean not null default false
hub.grant_transitions 009. at timestamp(3) with time zone not null default now()
hub.grant_usage 001. grant_id text not null
hub.grant_usage 002. day date not null
hub.grant_usage 003. leased bigint not null default 0
hub.grants 001. id text not null
hub.grants 002. version integer not null default 1
hub.grants 003. application text not null
hub.grants 004. resource text not null
hub.grants 005. resource_version integer not null
hub.grants 006. provider text not null
hub.grants 007. consumer text not null
hub.grants 008. system text not null
hub.grants 009. operations text[] not null
hub.grants 010. fields text[] not null
hub.grants 011. paths text[] not null
hub.grants 012. rows jsonb
hub.grants 013. masks jsonb not null
hub.grants 014. purposes text[] not null
hub.grants 015. valid_from timestamp(3) with time zone not null default now()
hub.grants 016. valid_until timestamp(3) with time zone not null
hub.grants 017. daily_quota bigint
hub.grants 018. is_case_number_required boolean not null default false
hub.grants 019. is_unflagged_only boolean not null default false
hub.grants 020. state text not null default 'active'::text
hub.grants 021. state_ground text
hub.grants 022. state_reason text
hub.grants 023. state_changed_at timestamp(3) with time zone
hub.grants 024. granted_by text not null
hub.idempotency_keys 001. scope text not null
hub.idempotency_keys 002. key text not null
hub.idempotency_keys 003. run_id uuid not null
hub.idempotency_keys 004. request_digest bytea not null
hub.idempotency_keys 005. body_digest bytea
hub.idempotency_keys 006. created_at timestamp with time zone not null default now()
hub.key_fingerprints 001. name text not null
hub.key_fingerprints 002. fingerprint text not null
hub.key_fingerprints 003. recorded_at timestamp(3) with time zone not null default now()
hub.migrations 001. version integer not null
hub.migrations 002. name text not null
hub.migrations 003. sha256 text not null
hub.migrations 004. applied_at timestamp(3) with time zone not null default now()
hub.mounts 001. resource text not null
hub.mounts 002. mount jsonb not null
hub.mounts 003. version integer not null default 1
hub.mounts 004. updated_by text not null
hub.mounts 005. updated_at timestamp(3) with time zone not null default now()
hub.mounts 006. secrets bytea
hub.rejects 001. run_id uuid not null
hub.rejects 002. line bigint not null
hub.rejects 003. field text
hub.rejects 004. code text not null
hub.rejects 005. reasons jsonb not null
hub.rejects 006. sealed bytea not null
hub.rejects 007. state text not null default 'open'::text
hub.rejects 008. repaired_by uuid
hub.rejects 009. repaired_at timestamp with time zone
hub.rejects 010. created_at timestamp with time zone not null default now()
hub.rejects 011. unit text
hub.rejects 012. unit_line bigint
hub.resource_code_sequences 001. prefix text not null
hub.resource_code_sequences 002. last integer not null
hub.resource_codes 001. code text not null
hub.resource_codes 002. resource text not null
hub.resource_listings 001. resource text not null
hub.resource_listings 002. face text not null
hub.resource_listings 003. provider text not null
hub.resource_listings 004. class text not null
hub.resource_listings 005. share_type text not null
hub.resource_listings 006. state text not null
hub.resource_listings 007. standard text
hub.resource_listings 008. text text not null
hub.resource_transitions 001. id bigint not null identity always
hub.resource_transitions 002. resource text not null
hub.resource_transitions 003. action text not null
hub.resource_transitions 004. from_state text
hub.resource_transitions 005. to_state text not null
hub.resource_transitions 006. staff text not null
hub.resource_transitions 007. comment text
hub.resource_transitions 008. bypassed boolean not null default false
hub.resource_transitions 009. version integer not null
hub.resource_transitions 010. at timestamp(3) with time zone not null default now()
hub.resource_versions 001. resource text not null
hub.resource_versions 002. version integer not null
hub.resource_versions 003. draft jsonb not null
hub.resource_versions 004. fields jsonb not null
hub.resource_versions 005. keys jsonb not null
hub.resource_versions 006. published_at timestamp(3) with time zone not null default now()
hub.resource_versions 007. published_by text not null
hub.resources 001. id text not null
hub.resources 002. number integer not null identity always
hub.resources 003. code text not null
hub.resources 004. provider text not null
hub.resources 005. standard text
hub.resources 006. title text not null
hub.resources 007. share_type text not null
hub.resources 008. state text not null
hub.resources 009. version integer not null default 1
hub.resources 010. published_version integer
hub.resources 011. published_at timestamp(3) with time zone
hub.resources 012. draft jsonb not null
hub.resources 013. fields jsonb not null
hub.resources 014. keys jsonb not null
hub.resources 015. created_at timestamp(3) with time zone not null default now()
hub.resources 016. updated_at timestamp(3) with time zone not null default now()
hub.run_bodies 001. run_id uuid not null
hub.run_bodies 002. piece integer not null
hub.run_bodies 003. bytes bytea not null
hub.run_differences 001. run_id uuid not null
hub.run_differences 002. number integer not null
hub.run_differences 003. kind text not null
hub.run_differences 004. sealed bytea not null
hub.run_units 001. run_id uuid not null
hub.run_units 002. unit text not null
hub.run_units 003. read_count bigint not null
hub.run_units 004. landed_count bigint not null
hub.run_units 005. flagged_count bigint not null
hub.run_units 006. rejected_count bigint not null
hub.run_units 007. landed_at timestamp with time zone not null default now()
hub.run_units 008. acknowledged_at timestamp with time zone
hub.runs 001. id uuid not null
hub.runs 002. resource text not null
hub.runs 003. kind text not null
hub.runs 004. mode text not null
hub.runs 005. state text not null
hub.runs 006. is_dry boolean not null default false
hub.runs 007. is_forced boolean not null default false
hub.runs 008. system text
hub.runs 009. staff text
hub.runs 010. department text not null
hub.runs 011. read_count bigint not null default 0
hub.runs 012. inserted_count bigint not null default 0
hub.runs 013. updated_count bigint not null default 0
hub.runs 014. unchanged_count bigint not null default 0
hub.runs 015. stale_count bigint not null default 0
hub.runs 016. superseded_count bigint not null default 0
hub.runs 017. deleted_count bigint not null default 0
hub.runs 018. rejected_count bigint not null default 0
hub.runs 019. flagged_count bigint not null default 0
hub.runs 020. byte_count bigint not null default 0
hub.runs 021. batch_count integer not null default 0
hub.runs 022. next_batch integer
hub.runs 023. start_seq bigint
hub.runs 024. last_seq bigint
hub.runs 025. columns text[]
hub.runs 026. drift text[]
hub.runs 027. unmapped jsonb
hub.runs 028. media_type text
hub.runs 029. content_encoding text
hub.runs 030. replay_of uuid
hub.runs 031. error jsonb
hub.runs 032. leased_until timestamp with time zone
hub.runs 033. leased_by text
hub.runs 034. created_at timestamp with time zone not null default now()
hub.runs 035. started_at timestamp with time zone
hub.runs 036. ended_at timestamp with time zone
hub.runs 037. sync text
hub.runs 038. scheduled_at timestamp(3) with time zone
hub.runs 039. is_aside boolean not null default false
hub.runs 040. plan jsonb
hub.runs 041. checkpoint jsonb
hub.runs 042. attempt integer not null default 0
hub.runs 043. not_before timestamp(3) with time zone
hub.runs 044. priority integer not null default 5
hub.runs 045. lane text not null default 'small'::text
hub.runs 046. last_error jsonb
hub.runs 047. reconciliation jsonb
hub.settings 001. name text not null
hub.settings 002. value jsonb not null
hub.settings 003. changed_at timestamp(3) with time zone not null default now()
hub.snapshot_rows 001. run_id uuid not null
hub.snapshot_rows 002. key text not null
hub.snapshot_rows 003. ordinal bigint not null
hub.snapshot_rows 004. stage_line text
hub.snapshot_rows 005. hash text
hub.snapshot_rows 006. source_at timestamp with time zone
hub.staff 001. id text not null
hub.staff 002. account text not null
hub.staff 003. name text not null
hub.staff 004. department text
hub.staff 005. roles text[] not null
hub.staff 006. state text not null default 'active'::text
hub.staff 007. password_hash text
hub.staff 008. version bigint not null default 1
hub.staff 009. created_at timestamp(3) with time zone not null default now()
hub.syncs 001. id text not null
hub.syncs 002. title text
hub.syncs 003. resource text not null
hub.syncs 004. direction text not null
hub.syncs 005. department text not null
hub.syncs 006. adapter text
hub.syncs 007. source text
hub.syncs 008. connector text not null
hub.syncs 009. settings jsonb not null
hub.syncs 010. secrets bytea
hub.syncs 011. origin text not null
hub.syncs 012. mode text not null
hub.syncs 013. cursor text[]
hub.syncs 014. overlap text
hub.syncs 015. cron text
hub.syncs 016. timezone text
hub.syncs 017. limits jsonb not null default '{}'::jsonb
hub.syncs 018. error_limit jsonb not null default '{}'::jsonb
hub.syncs 019. on_drift text not null default 'pause'::text
hub.syncs 020. fewer_than_share_min double precision not null default 0.8
hub.syncs 021. silent_after_hours integer
hub.syncs 022. priority integer not null default 5
hub.syncs 023. mapping jsonb
hub.syncs 024. target_columns jsonb
hub.syncs 025. grant_id text
hub.syncs 026. context jsonb not null default '{}'::jsonb
hub.syncs 027. state text not null default 'active'::text
hub.syncs 028. paused_for text
hub.syncs 029. position jsonb
hub.syncs 030. source_columns jsonb
hub.syncs 031. last_full_count bigint
hub.syncs 032. generation integer not null default 0
hub.syncs 033. batch_number bigint not null default 0
hub.syncs 034. next_due_at timestamp(3) with time zone
hub.syncs 035. last_run uuid
hub.syncs 036. last_success_at timestamp(3) with time zone
hub.syncs 037. last_failure_at timestamp(3) with time zone
hub.syncs 038. last_row_at timestamp(3) with time zone
hub.syncs 039. version integer not null default 1
hub.syncs 040. created_by text not null
hub.syncs 041. created_at timestamp(3) with time zone not null default now()
hub.syncs 042. updated_at timestamp(3) with time zone not null default now()
hub.system_addresses 001. system text not null
hub.system_addresses 002. address_hash bytea not null
hub.system_addresses 003. seen_at timestamp(3) with time zone not null
hub.system_usage 001. system text not null
hub.system_usage 002. hour timestamp(0) with time zone not null
hub.system_usage 003. call_count bigint not null
hub.system_usage 004. record_count bigint not null
hub.systems 001. id text not null
hub.systems 002. department text not null
hub.systems 003. name text not null
hub.systems 004. kind text not null
hub.systems 005. state text not null default 'active'::text
hub.systems 006. version bigint not null default 1
hub.systems 007. created_at timestamp(3) with time zone not null default now()
hub.systems 008. disabled_at timestamp(3) with time zone
hub.tokens 001. digest bytea not null
hub.tokens 002. kind text not null
hub.tokens 003. system_id text
hub.tokens 004. staff_id text
hub.tokens 005. expires_at timestamp(3) with time zone
hub.tokens 006. created_at timestamp(3) with time zone not null default now()
hub.told_hints 001. hour timestamp(0) with time zone not null
hub.told_hints 002. system text not null
hub.told_hints 003. kind text not null
hub.verify_mismatches 001. system text not null
hub.verify_mismatches 002. subject bytea not null
hub.verify_mismatches 003. day date not null
hub.verify_mismatches 004. count integer not null default 1

-- constraints
audit.archives archives_check1: CHECK (((step = 'dropped'::text) = (dropped_at IS NOT NULL)))
audit.archives archives_check: CHECK (((step <> ALL (ARRAY['verified'::text, 'dropped'::text])) OR ((entry_count > 0) AND (first_position <= last_position) AND (manifest_digest IS NOT NULL) AND (verified_at IS NOT NULL))))
audit.archives archives_month_check: CHECK ((month ~ '^\d{4}-(0[1-9]|1[0-2])$'::text))
audit.archives archives_pkey: PRIMARY KEY (month)
audit.archives archives_step_check: CHECK ((step = ANY (ARRAY['begun'::text, 'exported'::text, 'sealed'::text, 'verified'::text, 'dropped'::text])))
audit.checkpoints checkpoints_pkey: PRIMARY KEY (size)
audit.checkpoints checkpoints_root_check: CHECK ((octet_length(root) = 32))
audit.checkpoints checkpoints_size_check: CHECK ((size >= 0))
audit.entries entries_leaf_bytes_check: CHECK (((octet_length(leaf_bytes) >= 1) AND (octet_length(leaf_bytes) <= 65535)))
audit.entries entries_leaf_hash_check: CHECK ((octet_length(leaf_hash) = 32))
audit.entries entries_pkey: PRIMARY KEY (id)
audit.leaves leaves_entry_key: UNIQUE (entry)
audit.leaves leaves_hash_check: CHECK ((octet_length(hash) = 32))
audit.leaves leaves_pkey: PRIMARY KEY ("position")
audit.leaves leaves_position_check: CHECK (("position" >= 0))
audit.ranges ranges_check: CHECK ((through > after))
audit.ranges ranges_pkey: PRIMARY KEY (id)
audit.redaction_requests redaction_requests_facts_check: CHECK ((cardinality(facts) > 0))
audit.redaction_requests redaction_requests_instrument_check: CHECK ((jsonb_typeof(instrument) = 'object'::text))
audit.redaction_requests redaction_requests_pkey: PRIMARY KEY (id)
audit.redactions redactions_digests_check: CHECK ((jsonb_typeof(digests) = 'object'::text))
audit.redactions redactions_pkey: PRIMARY KEY (id)
audit.redactions redactions_told_in_key: UNIQUE (told_in)
audit.search search_pkey: PRIMARY KEY (id)
audit.tiles tiles_hashes_check: CHECK ((octet_length(hashes) = 8192))
audit.tiles tiles_level_check: CHECK (((level >= 0) AND (level <= 7)))
audit.tiles tiles_number_check: CHECK ((number >= 0))
audit.tiles tiles_pkey: PRIMARY KEY (level, number)
audit.tiles tiles_root_check: CHECK ((octet_length(root) = 32))
audit.timestamps timestamps_pkey: PRIMARY KEY (size)
audit.timestamps timestamps_size_fkey: FOREIGN KEY (size) REFERENCES audit.checkpoints(size)
audit.timestamps timestamps_token_check: CHECK (((octet_length(token) >= 1) AND (octet_length(token) <= 65536)))
audit.tree tree_is_only_check: CHECK (is_only)
audit.tree tree_origin_check: CHECK ((origin ~ '^[^\s+]+$'::text))
audit.tree tree_pkey: PRIMARY KEY (is_only)
audit.tree tree_root_check: CHECK ((octet_length(root) = 32))
audit.tree tree_size_check: CHECK ((size >= 0))
audit.verifier_keys verifier_keys_number_check: CHECK ((number > 0))
audit.verifier_keys verifier_keys_pkey: PRIMARY KEY (number)
audit.verifier_keys verifier_keys_verifier_key_key: UNIQUE (verifier_key)
hub.application_decisions application_decisions_application_fkey: FOREIGN KEY (application) REFERENCES hub.applications(id)
hub.application_decisions application_decisions_pkey: PRIMARY KEY (id)
hub.application_decisions application_decisions_staff_fkey: FOREIGN KEY (staff) REFERENCES hub.staff(id)
hub.applications applications_consumer_fkey: FOREIGN KEY (consumer) REFERENCES hub.departments(id)
hub.applications applications_extension_days_check: CHECK (((extension_days >= 1) AND (extension_days <= 10)))
hub.applications applications_filed_by_fkey: FOREIGN KEY (filed_by) REFERENCES hub.staff(id)
hub.applications applications_id_check: CHECK ((id ~ '^[a-z][a-z0-9-]{0,62}$'::text))
hub.applications applications_pkey: PRIMARY KEY (id)
hub.applications applications_provider_fkey: FOREIGN KEY (provider) REFERENCES hub.departments(id)
hub.applications applications_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.applications applications_share_type_check: CHECK ((share_type = ANY (ARRAY['unconditional'::text, 'conditional'::text])))
hub.applications applications_state_check: CHECK ((state = ANY (ARRAY['submitted'::text, 'supplement-required'::text, 'extension-requested'::text, 'extended'::text, 'agreed'::text, 'refused'::text])))
hub.applications applications_system_fkey: FOREIGN KEY (system) REFERENCES hub.systems(id)
hub.batches batches_pkey: PRIMARY KEY (run_id, number)
hub.batches batches_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.change_numbers change_numbers_pkey: PRIMARY KEY (resource_number)
hub.change_numbers change_numbers_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.change_numbers change_numbers_resource_key: UNIQUE (resource)
hub.departments departments_parent_check: CHECK ((parent <> id))
hub.departments departments_parent_fkey: FOREIGN KEY (parent) REFERENCES hub.departments(id)
hub.departments departments_pkey: PRIMARY KEY (id)
hub.grant_transitions grant_transitions_grant_id_fkey: FOREIGN KEY (grant_id) REFERENCES hub.grants(id)
hub.grant_transitions grant_transitions_pkey: PRIMARY KEY (id)
hub.grant_transitions grant_transitions_staff_fkey: FOREIGN KEY (staff) REFERENCES hub.staff(id)
hub.grant_usage grant_usage_grant_id_fkey: FOREIGN KEY (grant_id) REFERENCES hub.grants(id)
hub.grant_usage grant_usage_pkey: PRIMARY KEY (grant_id, day)
hub.grants grants_application_fkey: FOREIGN KEY (application) REFERENCES hub.applications(id)
hub.grants grants_application_key: UNIQUE (application)
hub.grants grants_consumer_fkey: FOREIGN KEY (consumer) REFERENCES hub.departments(id)
hub.grants grants_daily_quota_check: CHECK ((daily_quota > 0))
hub.grants grants_granted_by_fkey: FOREIGN KEY (granted_by) REFERENCES hub.staff(id)
hub.grants grants_id_check: CHECK ((id ~ '^[a-z][a-z0-9-]{0,62}$'::text))
hub.grants grants_pkey: PRIMARY KEY (id)
hub.grants grants_provider_fkey: FOREIGN KEY (provider) REFERENCES hub.departments(id)
hub.grants grants_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.grants grants_state_check: CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'terminated'::text])))
hub.grants grants_system_fkey: FOREIGN KEY (system) REFERENCES hub.systems(id)
hub.idempotency_keys idempotency_keys_pkey: PRIMARY KEY (scope, key)
hub.idempotency_keys idempotency_keys_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.key_fingerprints key_fingerprints_pkey: PRIMARY KEY (name)
hub.migrations migrations_pkey: PRIMARY KEY (version)
hub.mounts mounts_pkey: PRIMARY KEY (resource)
hub.mounts mounts_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.rejects rejects_pkey: PRIMARY KEY (run_id, line)
hub.rejects rejects_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.rejects rejects_state_check: CHECK ((state = ANY (ARRAY['open'::text, 'repaired'::text])))
hub.resource_code_sequences resource_code_sequences_pkey: PRIMARY KEY (prefix)
hub.resource_codes resource_codes_pkey: PRIMARY KEY (code)
hub.resource_codes resource_codes_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id) DEFERRABLE INITIALLY DEFERRED
hub.resource_listings resource_listings_face_check: CHECK ((face = ANY (ARRAY['working'::text, 'published'::text])))
hub.resource_listings resource_listings_pkey: PRIMARY KEY (resource, face)
hub.resource_listings resource_listings_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.resource_transitions resource_transitions_pkey: PRIMARY KEY (id)
hub.resource_transitions resource_transitions_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.resource_versions resource_versions_pkey: PRIMARY KEY (resource, version)
hub.resource_versions resource_versions_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.resources resources_code_key: UNIQUE (code)
hub.resources resources_id_check: CHECK ((id ~ '^[a-z][a-z0-9-]{0,62}$'::text))
hub.resources resources_number_key: UNIQUE (number)
hub.resources resources_pkey: PRIMARY KEY (id)
hub.resources resources_provider_fkey: FOREIGN KEY (provider) REFERENCES hub.departments(id)
hub.resources resources_share_type_check: CHECK ((share_type = ANY (ARRAY['unconditional'::text, 'conditional'::text, 'not-shared'::text])))
hub.resources resources_state_check: CHECK ((state = ANY (ARRAY['draft'::text, 'department-review'::text, 'bureau-review'::text, 'published'::text, 'returned'::text, 'withdrawn'::text])))
hub.run_bodies run_bodies_pkey: PRIMARY KEY (run_id, piece)
hub.run_bodies run_bodies_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.run_differences run_differences_kind_check: CHECK ((kind = ANY (ARRAY['missing'::text, 'extra'::text, 'differing'::text])))
hub.run_differences run_differences_pkey: PRIMARY KEY (run_id, number)
hub.run_differences run_differences_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.run_units run_units_pkey: PRIMARY KEY (run_id, unit)
hub.run_units run_units_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.runs counts_add_up: CHECK (((state <> ALL (ARRAY['succeeded'::text, 'partial'::text])) OR (read_count = ((((((inserted_count + updated_count) + unchanged_count) + stale_count) + superseded_count) + rejected_count) +
CASE
    WHEN ((mode = 'snapshot'::text) AND (NOT is_dry)) THEN (0)::bigint
    ELSE deleted_count
END))))
hub.runs runs_kind_check: CHECK ((kind = ANY (ARRAY['push'::text, 'load'::text, 'replay'::text, 'pull'::text, 'deliver'::text, 'check'::text])))
hub.runs runs_lane_check: CHECK ((lane = ANY (ARRAY['small'::text, 'large'::text])))
hub.runs runs_mode_check: CHECK ((mode = ANY (ARRAY['upsert'::text, 'delete'::text, 'changes'::text, 'snapshot'::text])))
hub.runs runs_of_syncs: CHECK (((sync IS NOT NULL) = (kind = ANY (ARRAY['pull'::text, 'deliver'::text, 'check'::text]))))
hub.runs runs_pkey: PRIMARY KEY (id)
hub.runs runs_replay_of_fkey: FOREIGN KEY (replay_of) REFERENCES hub.runs(id)
hub.runs runs_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.runs runs_state_check: CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'partial'::text, 'failed'::text, 'cancelled'::text])))
hub.runs runs_sync_fkey: FOREIGN KEY (sync) REFERENCES hub.syncs(id)
hub.settings settings_pkey: PRIMARY KEY (name)
hub.snapshot_rows snapshot_rows_pkey: PRIMARY KEY (run_id, key)
hub.snapshot_rows snapshot_rows_run_id_fkey: FOREIGN KEY (run_id) REFERENCES hub.runs(id)
hub.staff staff_account_key: UNIQUE (account)
hub.staff staff_department_fkey: FOREIGN KEY (department) REFERENCES hub.departments(id)
hub.staff staff_pkey: PRIMARY KEY (id)
hub.staff staff_state_check: CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
hub.syncs syncs_check: CHECK (((direction = 'deliver'::text) = (grant_id IS NOT NULL)))
hub.syncs syncs_created_by_fkey: FOREIGN KEY (created_by) REFERENCES hub.staff(id)
hub.syncs syncs_department_fkey: FOREIGN KEY (department) REFERENCES hub.departments(id)
hub.syncs syncs_direction_check: CHECK ((direction = ANY (ARRAY['pull'::text, 'deliver'::text])))
hub.syncs syncs_grant_id_fkey: FOREIGN KEY (grant_id) REFERENCES hub.grants(id)
hub.syncs syncs_id_check: CHECK ((id ~ '^[a-z][a-z0-9-]{0,62}$'::text))
hub.syncs syncs_mode_check: CHECK ((mode = ANY (ARRAY['full'::text, 'incremental'::text])))
hub.syncs syncs_on_drift_check: CHECK ((on_drift = ANY (ARRAY['pause'::text, 'ignore'::text, 'add'::text])))
hub.syncs syncs_pkey: PRIMARY KEY (id)
hub.syncs syncs_priority_check: CHECK (((priority >= 1) AND (priority <= 10)))
hub.syncs syncs_resource_fkey: FOREIGN KEY (resource) REFERENCES hub.resources(id)
hub.syncs syncs_state_check: CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text])))
hub.system_addresses system_addresses_pkey: PRIMARY KEY (system, address_hash)
hub.system_usage system_usage_pkey: PRIMARY KEY (hour, system)
hub.systems systems_department_fkey: FOREIGN KEY (department) REFERENCES hub.departments(id)
hub.systems systems_kind_check: CHECK ((kind = ANY (ARRAY['front-end-machine'::text, 'business-system'::text, 'hub'::text])))
hub.systems systems_pkey: PRIMARY KEY (id)
hub.systems systems_state_check: CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
hub.tokens tokens_digest_check: CHECK ((octet_length(digest) = 32))
hub.tokens tokens_kind_check: CHECK ((kind = ANY (ARRAY['system'::text, 'staff'::text, 'session'::text])))
hub.tokens tokens_owner_check: CHECK ((((kind = 'system'::text) AND (system_id IS NOT NULL) AND (staff_id IS NULL)) OR ((kind <> 'system'::text) AND (system_id IS NULL) AND (staff_id IS NOT NULL))))
hub.tokens tokens_pkey: PRIMARY KEY (digest)
hub.tokens tokens_staff_id_fkey: FOREIGN KEY (staff_id) REFERENCES hub.staff(id)
hub.tokens tokens_system_id_fkey: FOREIGN KEY (system_id) REFERENCES hub.systems(id)
hub.told_hints told_hints_pkey: PRIMARY KEY (hour, system, kind)
hub.verify_mismatches verify_mismatches_pkey: PRIMARY KEY (subject, system, day)
hub.verify_mismatches verify_mismatches_subject_check: CHECK ((octet_length(subject) = 32))
hub.verify_mismatches verify_mismatches_system_fkey: FOREIGN KEY (system) REFERENCES hub.systems(id)

-- indexes
CREATE INDEX application_decisions_application ON hub.application_decisions USING btree (application, id)
CREATE INDEX applications_consumer ON hub.applications USING btree (consumer, id)
CREATE INDEX applications_open ON hub.applications USING btree (state, id) WHERE (decided_at IS NULL)
CREATE INDEX applications_provider ON hub.applications USING btree (provider, id)
CREATE INDEX departments_parent_idx ON hub.departments USING btree (parent)
CREATE INDEX grant_transitions_grant ON hub.grant_transitions USING btree (grant_id, id)
CREATE INDEX grants_consumer ON hub.grants USING btree (consumer, id)
CREATE INDEX grants_provider ON hub.grants USING btree (provider, id)
CREATE INDEX grants_resource ON hub.grants USING btree (resource, id) WHERE (state <> 'terminated'::text)
CREATE INDEX grants_system ON hub.grants USING btree (system, resource) WHERE (state <> 'terminated'::text)
CREATE INDEX idempotency_keys_created ON hub.idempotency_keys USING btree (created_at)
CREATE INDEX ranges_int8range_idx ON ONLY audit.ranges USING gist (int8range(after, through, '(]'::text))
CREATE INDEX redaction_requests_entry_idx ON audit.redaction_requests USING btree (entry)
CREATE INDEX redactions_entry_idx ON audit.redactions USING btree (entry)
CREATE INDEX rejects_repaired ON hub.rejects USING btree (repaired_at) WHERE (state = 'repaired'::text)
CREATE INDEX resource_transitions_resource ON hub.resource_transitions USING btree (resource, id)
CREATE INDEX resources_provider ON hub.resources USING btree (provider, id)
CREATE INDEX resources_state ON hub.resources USING btree (state, id)
CREATE INDEX run_units_open ON hub.run_units USING btree (run_id) WHERE (acknowledged_at IS NULL)
CREATE INDEX runs_open ON hub.runs USING btree (state, leased_until) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]))
CREATE INDEX runs_postponed ON hub.runs USING btree (not_before) WHERE ((state = 'queued'::text) AND (not_before IS NOT NULL))
CREATE INDEX runs_resource ON hub.runs USING btree (resource, id)
CREATE INDEX runs_sync ON hub.runs USING btree (sync, id) WHERE (sync IS NOT NULL)
CREATE INDEX search_case ON ONLY audit.search USING brin (case_hash bytea_bloom_ops (n_distinct_per_range='1200', false_positive_rate='0.001')) WITH (pages_per_range='64')
CREATE INDEX search_hints ON ONLY audit.search USING btree (id) WHERE (operation = 'audit.hint'::text)
CREATE INDEX search_rare ON ONLY audit.search USING brin (department text_bloom_ops (n_distinct_per_range='100'), system text_bloom_ops (n_distinct_per_range='200'), resource text_bloom_ops (n_distinct_per_range='200'), purpose text_bloom_ops (n_distinct_per_range='300')) WITH (pages_per_range='32')
CREATE INDEX search_refused ON ONLY audit.search USING btree (outcome, id) WHERE (outcome <> 'allowed'::text)
CREATE INDEX snapshot_rows_ordinal ON hub.snapshot_rows USING btree (run_id, ordinal)
CREATE INDEX staff_department_idx ON hub.staff USING btree (department, id)
CREATE INDEX subjects_seen ON ONLY audit.subjects USING brin (subject bytea_bloom_ops (n_distinct_per_range='2000', false_positive_rate='0.001'), id) WITH (pages_per_range='16')
CREATE INDEX syncs_due ON hub.syncs USING btree (next_due_at) WHERE ((state = 'active'::text) AND (next_due_at IS NOT NULL))
CREATE INDEX syncs_resource ON hub.syncs USING btree (resource, id)
CREATE INDEX systems_department_idx ON hub.systems USING btree (department, id)
CREATE INDEX timestamps_at_idx ON audit.timestamps USING btree (at)
CREATE INDEX tokens_expiry_idx ON hub.tokens USING btree (expires_at) WHERE (expires_at IS NOT NULL)
CREATE INDEX tokens_staff_idx ON hub.tokens USING btree (staff_id) WHERE (staff_id IS NOT NULL)
CREATE INDEX tokens_system_idx ON hub.tokens USING btree (system_id) WHERE (system_id IS NOT NULL)
CREATE INDEX verify_mismatches_day ON hub.verify_mismatches USING btree (day)
CREATE UNIQUE INDEX application_decisions_pkey ON hub.application_decisions USING btree (id)
CREATE UNIQUE INDEX applications_pkey ON hub.applications USING btree (id)
CREATE UNIQUE INDEX archives_pkey ON audit.archives USING btree (month)
CREATE UNIQUE INDEX batches_pkey ON hub.batches USING btree (run_id, number)
CREATE UNIQUE INDEX change_numbers_pkey ON hub.change_numbers USING btree (resource_number)
CREATE UNIQUE INDEX change_numbers_resource_key ON hub.change_numbers USING btree (resource)
CREATE UNIQUE INDEX checkpoints_pkey ON audit.checkpoints USING btree (size)
CREATE UNIQUE INDEX departments_code_key ON hub.departments USING btree (code) WHERE (code IS NOT NULL)
CREATE UNIQUE INDEX departments_pkey ON hub.departments USING btree (id)
CREATE UNIQUE INDEX entries_pkey ON ONLY audit.entries USING btree (id)
CREATE UNIQUE INDEX grant_transitions_pkey ON hub.grant_transitions USING btree (id)
CREATE UNIQUE INDEX grant_usage_pkey ON hub.grant_usage USING btree (grant_id, day)
CREATE UNIQUE INDEX grants_application_key ON hub.grants USING btree (application)
CREATE UNIQUE INDEX grants_pkey ON hub.grants USING btree (id)
CREATE UNIQUE INDEX idempotency_keys_pkey ON hub.idempotency_keys USING btree (scope, key)
CREATE UNIQUE INDEX key_fingerprints_pkey ON hub.key_fingerprints USING btree (name)
CREATE UNIQUE INDEX leaves_entry_key ON audit.leaves USING btree (entry)
CREATE UNIQUE INDEX leaves_pkey ON audit.leaves USING btree ("position")
CREATE UNIQUE INDEX migrations_pkey ON hub.migrations USING btree (version)
CREATE UNIQUE INDEX mounts_pkey ON hub.mounts USING btree (resource)
CREATE UNIQUE INDEX ranges_pkey ON ONLY audit.ranges USING btree (id)
CREATE UNIQUE INDEX redaction_requests_pkey ON audit.redaction_requests USING btree (id)
CREATE UNIQUE INDEX redactions_pkey ON audit.redactions USING btree (id)
CREATE UNIQUE INDEX redactions_told_in_key ON audit.redactions USING btree (told_in)
CREATE UNIQUE INDEX rejects_pkey ON hub.rejects USING btree (run_id, line)
CREATE UNIQUE INDEX resource_code_sequences_pkey ON hub.resource_code_sequences USING btree (prefix)
CREATE UNIQUE INDEX resource_codes_pkey ON hub.resource_codes USING btree (code)
CREATE UNIQUE INDEX resource_listings_pkey ON hub.resource_listings USING btree (resource, face)
CREATE UNIQUE INDEX resource_transitions_pkey ON hub.resource_transitions USING btree (id)
CREATE UNIQUE INDEX resource_versions_pkey ON hub.resource_versions USING btree (resource, version)
CREATE UNIQUE INDEX resources_code_key ON hub.resources USING btree (code)
CREATE UNIQUE INDEX resources_number_key ON hub.resources USING btree (number)
CREATE UNIQUE INDEX resources_pkey ON hub.resources USING btree (id)
CREATE UNIQUE INDEX run_bodies_pkey ON hub.run_bodies USING btree (run_id, piece)
CREATE UNIQUE INDEX run_differences_pkey ON hub.run_differences USING btree (run_id, number)
CREATE UNIQUE INDEX run_units_pkey ON hub.run_units USING btree (run_id, unit)
CREATE UNIQUE INDEX runs_one_of_sync ON hub.runs USING btree (sync) WHERE ((state = 'running'::text) AND (sync IS NOT NULL) AND (NOT is_aside))
CREATE UNIQUE INDEX runs_pkey ON hub.runs USING btree (id)
CREATE UNIQUE INDEX search_pkey ON ONLY audit.search USING btree (id)
CREATE UNIQUE INDEX settings_pkey ON hub.settings USING btree (name)
CREATE UNIQUE INDEX snapshot_rows_pkey ON hub.snapshot_rows USING btree (run_id, key)
CREATE UNIQUE INDEX staff_account_key ON hub.staff USING btree (account)
CREATE UNIQUE INDEX staff_pkey ON hub.staff USING btree (id)
CREATE UNIQUE INDEX syncs_pkey ON hub.syncs USING btree (id)
CREATE UNIQUE INDEX system_addresses_pkey ON hub.system_addresses USING btree (system, address_hash)
CREATE UNIQUE INDEX system_usage_pkey ON hub.system_usage USING btree (hour, system)
CREATE UNIQUE INDEX systems_pkey ON hub.systems USING btree (id)
CREATE UNIQUE INDEX tiles_pkey ON audit.tiles USING btree (level, number)
CREATE UNIQUE INDEX timestamps_pkey ON audit.timestamps USING btree (size)
CREATE UNIQUE INDEX tokens_pkey ON hub.tokens USING btree (digest)
CREATE UNIQUE INDEX told_hints_pkey ON hub.told_hints USING btree (hour, system, kind)
CREATE UNIQUE INDEX tree_pkey ON audit.tree USING btree (is_only)
CREATE UNIQUE INDEX verifier_keys_pkey ON audit.verifier_keys USING btree (number)
CREATE UNIQUE INDEX verifier_keys_verifier_key_key ON audit.verifier_keys USING btree (verifier_key)
CREATE UNIQUE INDEX verify_mismatches_pkey ON hub.verify_mismatches USING btree (subject, system, day)

-- triggers
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON audit.archives FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.entries FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.entries_default FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.leaves FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.redaction_requests FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.redactions FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.tiles FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.timestamps FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.verifier_keys FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
CREATE TRIGGER refuse_change BEFORE INSERT OR DELETE OR TRUNCATE ON audit.tree FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()

-- functions
CREATE OR REPLACE FUNCTION audit.drop_month(wanted text, digest text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
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
$function$
-- shuqiao_app=execute
CREATE OR REPLACE FUNCTION audit.ensure_months(ahead integer)
 RETURNS text[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
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
$function$
-- shuqiao_app=execute shuqiao_sealer=execute
CREATE OR REPLACE FUNCTION audit.first_id(instant timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  select rpad(lpad(to_hex(floor(extract(epoch from instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$function$
CREATE OR REPLACE FUNCTION audit.first_id_after_month(month text)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
  select audit.first_id(((month || '-01')::timestamp + interval '1 month') at time zone 'UTC')
$function$
CREATE OR REPLACE FUNCTION audit.first_id_of_month(month text)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
  select audit.first_id((month || '-01')::timestamp at time zone 'UTC')
$function$
CREATE OR REPLACE FUNCTION audit.instant_of_id(id uuid)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  select to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)
$function$
CREATE OR REPLACE FUNCTION audit.make_partition(parent text, suffix text, bounds text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
declare
  partition text := parent || '_' || suffix;
begin
  execute format('create table audit.%I (like audit.%I including defaults including constraints including storage)',
    partition, parent);
  if parent = 'entries' then
    execute format('create trigger refuse_change before update or delete or truncate on audit.%I '
      'for each statement execute function audit.refuse_change()', partition);
  end if;
  if parent in ('search', 'subjects') then
    perform audit.summarize_often(partition);
  end if;
  execute format('alter table audit.%I attach partition audit.%I %s', parent, partition, bounds);
end
$function$
CREATE OR REPLACE FUNCTION audit.month_obstacle(wanted text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
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
$function$
-- shuqiao_app=execute
CREATE OR REPLACE FUNCTION audit.redact(request uuid, officer text, details_seen bytea, details_left bytea, erased jsonb, told_in uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
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
$function$
-- shuqiao_app=execute
CREATE OR REPLACE FUNCTION audit.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '审计日志只能追加,不能% / The audit log can only be added to: % on %.% is refused',
    tg_op, tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end
$function$
CREATE OR REPLACE FUNCTION audit.retention()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ select interval '3 years' $function$
CREATE OR REPLACE FUNCTION audit.summarize_often(partition text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'audit'
AS $function$
begin
  execute format('alter table audit.%I set (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000)',
    partition);
end
$function$
CREATE OR REPLACE FUNCTION hub.claim_run(run_id uuid, holder text, lease interval, pause interval, concurrency_default integer)
 RETURNS TABLE(outcome text, of_sync text)
 LANGUAGE plpgsql
AS $function$
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
$function$
