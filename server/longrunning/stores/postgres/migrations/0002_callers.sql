-- oldest reader: 1

-- A page of one caller's own operations, few of many, is a walk down this. What the service itself
-- started is not in it: a service without authentication pays nothing for it.
CREATE INDEX operations_by_caller ON operations (caller, parent, id) WHERE caller <> '';
