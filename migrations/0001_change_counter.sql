-- One row whose number rises in every transaction that changes what an
-- exchange may answer. Because it is one row, its lock puts those transactions
-- in a line: the numbers are in commit order, and an instance that has seen
-- number n has seen everything before it. A change made by hand counts too.

CREATE TABLE change_counter (
    only_row  boolean PRIMARY KEY DEFAULT true CONSTRAINT change_counter_one_row CHECK (only_row),
    -- Raised by every change that counts.
    value     bigint NOT NULL,
    -- `value` as it was when the mappings last changed: the `mapping_version` of answers.
    mappings  bigint NOT NULL
);

INSERT INTO change_counter (value, mappings) VALUES (1, 1);
