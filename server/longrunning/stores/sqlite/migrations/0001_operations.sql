-- oldest reader: 1

CREATE TABLE operations (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    parent         TEXT    NOT NULL,
    service        TEXT,             -- NULL for an operation that is seen through every door
    method         TEXT    NOT NULL,
    handler        TEXT    NOT NULL,
    caller         TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    request_digest BLOB    NOT NULL,
    state          TEXT    NOT NULL,
    done           INTEGER NOT NULL AS (state IN ('succeeded', 'failed', 'cancelled')) STORED,
    revision       INTEGER NOT NULL,
    attempt        INTEGER NOT NULL,
    owner          TEXT    NOT NULL,
    create_time    INTEGER NOT NULL, -- times are microseconds since the Unix epoch, 0 for never
    update_time    INTEGER NOT NULL,
    expire_time    INTEGER NOT NULL,
    retention      INTEGER NOT NULL,
    lease          INTEGER NOT NULL,
    deadline       INTEGER NOT NULL,
    conflict_key   TEXT    NOT NULL, -- "" for none
    exclusive      INTEGER NOT NULL,
    trace          TEXT    NOT NULL,
    error_code     INTEGER,          -- what a filter asks most, taken out of the operation
    metadata_type  TEXT,
    response_type  TEXT,
    operation      BLOB    NOT NULL, -- a serialized google.longrunning.Operation
    request        BLOB    NOT NULL, -- a serialized google.protobuf.Any
    checkpoint     BLOB    NOT NULL DEFAULT x'' -- what the work left for its next attempt
) STRICT;

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
-- Of the operations with one key, one is under way.
CREATE UNIQUE INDEX operations_under_way
    ON operations (conflict_key) WHERE conflict_key <> '' AND state IN ('running', 'cancelling');
CREATE INDEX operations_expiring ON operations (expire_time) WHERE expire_time > 0;

-- Who works: a claimed operation whose owner is not here, or has expired, is orphaned.
CREATE TABLE owners (
    owner       TEXT    NOT NULL PRIMARY KEY,
    expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
