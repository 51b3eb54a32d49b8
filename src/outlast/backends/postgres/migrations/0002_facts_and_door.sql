-- What analyses remember beyond a session.
CREATE TABLE facts (
    space text NOT NULL,
    key text NOT NULL,
    item text NOT NULL,
    value text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (space, key, item)
);

CREATE INDEX facts_by_end ON facts (until);

-- Whether changes are taken: a store that has moved, or is being filled, takes none but those of the move. Only a
-- shut one has the trigger that asks.
CREATE TABLE door (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    shut_because text,
    filling boolean NOT NULL DEFAULT FALSE
);

INSERT INTO door (only_row) VALUES (1);

CREATE FUNCTION refuse_when_shut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT filling FROM door) THEN
        RAISE EXCEPTION 'the store is shut' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    RETURN new;
END
$$;
