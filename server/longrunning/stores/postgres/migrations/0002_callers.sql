-- oldest reader: 1

-- A page of one caller's own operations, few of many, is a walk down one of these. What the service
-- itself started is in neither: a service without authentication pays nothing for them.
CREATE INDEX operations_by_caller ON operations (caller, id) WHERE caller <> '';
CREATE INDEX operations_by_caller_and_parent
    ON operations (caller, parent, id) WHERE caller <> '';
