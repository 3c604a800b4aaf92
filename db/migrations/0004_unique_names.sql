-- What must be unique over all months, and outlives them, stands in plain tables.
CREATE TABLE idempotency_keys (
    caller      text        NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,               -- of the request's body, blinded
    payment_id  uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    status      smallint,                           -- of the stored answer; null until the outcome is known
    answer      bytea,                              -- encrypted: the exact bytes of its body
    PRIMARY KEY (caller, route, key)
);
CREATE INDEX ON idempotency_keys USING brin (created_at);

CREATE TABLE gateway_references (
    kind       text NOT NULL,
    reference  text NOT NULL,
    payment_id uuid NOT NULL,
    PRIMARY KEY (kind, reference)
);

CREATE TABLE callback_tokens (
    token_hash bytea PRIMARY KEY,
    payment_id uuid  NOT NULL,
    purpose    text  NOT NULL CHECK (purpose IN ('prompt', 'status'))
);
