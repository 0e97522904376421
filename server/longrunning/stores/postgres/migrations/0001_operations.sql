-- oldest reader: 1

-- Run with the store's schema as the search path. COLLATE "C": ids and names are compared byte for
-- byte, whatever language the database speaks.
CREATE TABLE operations (
    id             text COLLATE "C" NOT NULL PRIMARY KEY,
    name           text COLLATE "C" NOT NULL UNIQUE,
    parent         text COLLATE "C" NOT NULL,
    service        text COLLATE "C",  -- NULL for an operation that is seen through every door
    method         text COLLATE "C" NOT NULL,
    handler        text COLLATE "C" NOT NULL,
    caller         text COLLATE "C" NOT NULL,
    request_id     text COLLATE "C" NOT NULL,
    request_digest bytea   NOT NULL,
    state          text COLLATE "C" NOT NULL,
    done           boolean NOT NULL
                   GENERATED ALWAYS AS (state IN ('succeeded', 'failed', 'cancelled')) STORED,
    revision       bigint  NOT NULL,
    attempt        bigint  NOT NULL,
    owner          text COLLATE "C" NOT NULL,
    create_time    bigint  NOT NULL, -- times are microseconds since the Unix epoch, 0 for never
    update_time    bigint  NOT NULL,
    expire_time    bigint  NOT NULL,
    retention      bigint  NOT NULL,
    lease          bigint  NOT NULL,
    deadline       bigint  NOT NULL,
    conflict_key   text COLLATE "C" NOT NULL, -- '' for none
    exclusive      boolean NOT NULL,
    trace          text COLLATE "C" NOT NULL,
    error_code     integer,          -- what a filter asks most, taken out of the operation
    metadata_type  text COLLATE "C",
    response_type  text COLLATE "C",
    operation      bytea   NOT NULL, -- a serialized google.longrunning.Operation
    request        bytea   NOT NULL, -- a serialized google.protobuf.Any
    checkpoint     bytea   NOT NULL DEFAULT '' -- what the work left for its next attempt
);

-- A page of a list is a walk down one of these.
CREATE INDEX operations_by_parent ON operations (parent, id);
CREATE INDEX operations_by_parent_and_done ON operations (parent, done, id);
CREATE INDEX operations_by_done ON operations (done, id);
CREATE INDEX operations_by_service
    ON operations (service, parent, id) WHERE service IS NOT NULL;
CREATE INDEX operations_by_service_and_done
    ON operations (service, parent, done, id) WHERE service IS NOT NULL;

CREATE UNIQUE INDEX operations_by_request_id
    ON operations (caller, method, parent, request_id) WHERE request_id <> '';

CREATE INDEX operations_pending ON operations (handler, id) WHERE state = 'pending';
CREATE INDEX operations_claimed ON operations (id) WHERE state IN ('running', 'cancelling');
CREATE INDEX operations_conflicting
    ON operations (conflict_key, id) WHERE conflict_key <> '' AND NOT done;
-- Two transactions do not see each other's creations and claims; these two indexes do.
CREATE UNIQUE INDEX operations_exclusive
    ON operations (conflict_key) WHERE conflict_key <> '' AND exclusive AND NOT done;
CREATE UNIQUE INDEX operations_under_way
    ON operations (conflict_key) WHERE conflict_key <> '' AND state IN ('running', 'cancelling');
CREATE INDEX operations_expiring ON operations (expire_time) WHERE expire_time > 0;

-- Who works: a claimed operation whose owner is not here, or has expired, is orphaned. The times
-- are of the database's clock.
CREATE TABLE owners (
    owner       text COLLATE "C" NOT NULL PRIMARY KEY,
    expire_time timestamptz NOT NULL
);

CREATE TABLE secrets (
    name  text NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);
