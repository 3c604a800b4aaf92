-- Keys that encrypt what we keep, wrapped by the master keys of the configuration: rotation re-wraps them.
CREATE TABLE data_keys (
    id         smallint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purpose    text        NOT NULL CHECK (purpose IN ('seal', 'blind')),
    wrapped_by text        NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ON data_keys (purpose) WHERE purpose = 'blind';    -- it must never change: it recognises

-- An access token that all processes share, since each fetch ends the one before it.
CREATE TABLE shared_tokens (
    name       text        PRIMARY KEY,
    generation bigint      NOT NULL DEFAULT 0,
    token      bytea,                               -- encrypted
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    held_until timestamptz NOT NULL DEFAULT '-infinity'     -- somebody is fetching a new one
);
