-- One event for every history entry, in the same commit. What it says is the entry's body.
CREATE TABLE outbox (
    payment_id         uuid        NOT NULL,
    payment_created_at timestamptz NOT NULL,
    seq                integer     NOT NULL,
    type               text        NOT NULL,
    created_at         timestamptz NOT NULL,
    published_at       timestamptz,
    PRIMARY KEY (payment_id, seq)
);
CREATE INDEX ON outbox USING brin (created_at);
